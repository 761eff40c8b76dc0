/** How the tests run: in plain Node, against the vendor's own renderer. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { environment: 'node', include: ['tests/**/*.test.{ts,tsx}'] },
});
