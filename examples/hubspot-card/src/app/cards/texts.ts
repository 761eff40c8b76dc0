/** What the card says, in the languages of cs-sync; the type holds them complete. */
export type Language = 'en' | 'pl' | 'ro' | 'th' | 'zh-Hans' | 'zh-Hant';

/** `language` of cs-sync's `[workspace]`: change it here if you changed it there. */
export const LANGUAGE: Language = 'en';

const KEYS = [
  'reading', 'unreadable', 'unreadableWhy', 'retry', 'unscored', 'unscoredWhy', 'nextAction', 'why',
  'changed', 'written', 'score', 'unchanged', 'insufficient', 'insufficientWhy', 'coverage', 'red',
  'yellow', 'green', 'excellent', 'noBand', 'point', 'points',
  'outlook', 'probability', 'expectedLoss', 'atRisk', 'noticeGiven',
  'tasks', 'due', 'overdue', 'markDone', 'notOpened', 'refresh', 'moreTasks', 'tasksUnreadable',
  'history', 'month', 'sources',
] as const;

/** A text by its key; `{x}` is where a value goes. */
export type Texts = Record<(typeof KEYS)[number], string>;

// prettier-ignore
const ROWS: Record<Language, readonly string[]> = {
  en: ['Reading the health score', 'The health score cannot be read', 'Either you may not see these properties, or cs-sync has not created them yet: it does with its first push.', 'Try again', 'No health score yet', 'cs-sync writes one for companies that it knows as customers: those with a running subscription.', 'Next action', 'Why', 'Last changed {x}', 'Written by cs-sync', 'Health score', 'Unchanged in 30 days', 'Not enough data', 'Too little data for a score. An older one is not shown.', 'Data coverage {x}', 'Red', 'Yellow', 'Green', 'Excellent', 'No band', '{x} point in 30 days', '{x} points in 30 days', 'Churn outlook', 'Churn probability {x}', 'Expected loss: {x} a month', 'At risk by health: {x} a month', 'Notice given, at risk: {x} a month', 'Open tasks', 'due {x}', 'overdue since {x}', 'Open the task to mark it as done', 'The task could not be opened', 'Refresh tasks', 'Only {x} tasks of this company were read; the others are in its activities.', 'The tasks cannot be read; they are in the activities of this company.', 'Score at month end', 'Month', 'Open in'],
  pl: ['Odczyt kondycji', 'Nie można odczytać kondycji', 'Brak dostępu do tych właściwości albo cs-sync jeszcze ich nie utworzył: robi to przy pierwszym zapisie.', 'Spróbuj ponownie', 'Brak oceny kondycji', 'cs-sync ocenia firmy, które są klientami: z aktywną subskrypcją.', 'Następny krok', 'Przyczyny', 'Ostatnia zmiana: {x}', 'Zapisane przez cs-sync', 'Wynik kondycji', 'Bez zmian od 30 dni', 'Za mało danych', 'Za mało danych do oceny. Starszy wynik nie jest pokazywany.', 'Kompletność danych: {x}', 'Czerwony', 'Żółty', 'Zielony', 'Doskonały', 'Brak poziomu', 'Punkty w 30 dni: {x}', 'Punkty w 30 dni: {x}', 'Prognoza odejścia', 'Prawdopodobieństwo odejścia: {x}', 'Oczekiwana strata: {x} miesięcznie', 'Zagrożone według kondycji: {x} miesięcznie', 'Złożono wypowiedzenie, zagrożone: {x} miesięcznie', 'Otwarte zadania', 'termin: {x}', 'po terminie od {x}', 'Otwórz zadanie, aby oznaczyć je jako wykonane', 'Nie można otworzyć zadania', 'Odśwież zadania', 'Odczytano tylko {x} zadań tej firmy; pozostałe są w jej aktywnościach.', 'Nie można odczytać zadań; są w aktywnościach tej firmy.', 'Wynik na koniec miesiąca', 'Miesiąc', 'Otwórz w'],
  ro: ['Se citește scorul de sănătate', 'Scorul de sănătate nu poate fi citit', 'Fie nu ai acces la aceste proprietăți, fie cs-sync nu le-a creat încă: o face la prima scriere.', 'Încearcă din nou', 'Încă nu există scor de sănătate', 'cs-sync scrie un scor pentru companiile care sunt clienți: cele cu un abonament activ.', 'Următoarea acțiune', 'Motive', 'Ultima modificare: {x}', 'Scris de cs-sync', 'Scor de sănătate', 'Neschimbat în 30 de zile', 'Date insuficiente', 'Prea puține date pentru un scor. Unul mai vechi nu este afișat.', 'Acoperirea datelor: {x}', 'Roșu', 'Galben', 'Verde', 'Excelent', 'Fără nivel', 'Puncte în 30 de zile: {x}', 'Puncte în 30 de zile: {x}', 'Perspectiva plecării', 'Probabilitate de plecare: {x}', 'Pierdere așteptată: {x} pe lună', 'În pericol după sănătate: {x} pe lună', 'Reziliere cerută, în pericol: {x} pe lună', 'Sarcini deschise', 'termen: {x}', 'cu termen depășit din {x}', 'Deschide sarcina pentru a o marca drept finalizată', 'Sarcina nu a putut fi deschisă', 'Reîncarcă sarcinile', 'Au fost citite numai {x} de sarcini ale acestei companii; celelalte sunt în activitățile ei.', 'Sarcinile nu pot fi citite; sunt în activitățile acestei companii.', 'Scorul la sfârșit de lună', 'Luna', 'Deschide în'],
  th: ['กำลังอ่านคะแนนสุขภาพลูกค้า', 'อ่านคะแนนสุขภาพลูกค้าไม่ได้', 'คุณอาจไม่มีสิทธิ์ดูพร็อพเพอร์ตี้เหล่านี้ หรือ cs-sync ยังไม่ได้สร้าง ซึ่งจะสร้างเมื่อบันทึกครั้งแรก', 'ลองอีกครั้ง', 'ยังไม่มีคะแนนสุขภาพลูกค้า', 'cs-sync ให้คะแนนบริษัทที่เป็นลูกค้าและมีการสมัครใช้บริการอยู่', 'ขั้นตอนต่อไป', 'เหตุผล', 'เปลี่ยนแปลงล่าสุด {x}', 'บันทึกโดย cs-sync', 'คะแนนสุขภาพลูกค้า', 'ไม่เปลี่ยนแปลงใน 30 วัน', 'ข้อมูลไม่พอ', 'ข้อมูลน้อยเกินไปสำหรับให้คะแนน จึงไม่แสดงคะแนนเก่า', 'ความครบถ้วนของข้อมูล {x}', 'แดง', 'เหลือง', 'เขียว', 'ดีเยี่ยม', 'ไม่มีระดับ', '{x} แต้มใน 30 วัน', '{x} แต้มใน 30 วัน', 'แนวโน้มการเลิกใช้', 'โอกาสเลิกใช้ {x}', 'รายได้ที่คาดว่าจะเสีย {x} ต่อเดือน', 'รายได้ที่มีความเสี่ยงตามสุขภาพ {x} ต่อเดือน', 'แจ้งยกเลิกแล้ว มีความเสี่ยง {x} ต่อเดือน', 'งานติดตามที่เปิดอยู่', 'ครบกำหนด {x}', 'เกินกำหนดตั้งแต่ {x}', 'เปิดงานเพื่อทำเครื่องหมายว่าเสร็จแล้ว', 'เปิดงานไม่ได้', 'รีเฟรชงาน', 'อ่านงานของบริษัทนี้เพียง {x} งาน ที่เหลืออยู่ในกิจกรรมของบริษัท', 'อ่านงานไม่ได้ งานอยู่ในกิจกรรมของบริษัทนี้', 'คะแนน ณ สิ้นเดือน', 'เดือน', 'เปิดใน'],
  'zh-Hans': ['正在读取健康度评分', '无法读取健康度评分', '您可能无权查看这些属性，或 cs-sync 尚未创建：首次写入时会创建。', '重试', '暂无健康度评分', 'cs-sync 为有有效订阅的客户公司评分。', '下一步', '原因', '最近变更：{x}', '由 cs-sync 写入', '健康度评分', '30 天内无变化', '数据不足', '数据过少，无法评分；不显示旧评分。', '数据覆盖率 {x}', '红色', '黄色', '绿色', '优秀', '无等级', '30 天内 {x} 分', '30 天内 {x} 分', '流失展望', '流失概率 {x}', '预计损失：每月 {x}', '按健康度面临风险：每月 {x}', '已申请取消，面临风险：每月 {x}', '未完成的跟进任务', '截止日期：{x}', '自{x}起已逾期', '打开任务以标记为已完成', '无法打开任务', '刷新任务', '仅读取了该公司的 {x} 项任务；其余任务请在公司活动中查看。', '无法读取任务；请在该公司的活动中查看。', '月末评分', '月份', '在以下位置打开'],
  'zh-Hant': ['正在讀取健康度分數', '無法讀取健康度分數', '您可能無權查看這些屬性，或 cs-sync 尚未建立：首次寫入時會建立。', '重試', '尚無健康度分數', 'cs-sync 為有有效訂閱的客戶公司評分。', '下一步', '原因', '最近變更：{x}', '由 cs-sync 寫入', '健康度分數', '30 天內無變化', '資料不足', '資料過少，無法評分；不顯示舊分數。', '資料涵蓋率 {x}', '紅色', '黃色', '綠色', '優秀', '無等級', '30 天內 {x} 分', '30 天內 {x} 分', '流失展望', '流失機率 {x}', '預計損失：每月 {x}', '依健康度面臨風險：每月 {x}', '已申請取消，面臨風險：每月 {x}', '未完成的待辦', '到期日：{x}', '自{x}起已逾期', '開啟待辦以標記為已完成', '無法開啟待辦', '重新整理待辦', '僅讀取了該公司的 {x} 項待辦；其餘請在公司活動中檢視。', '無法讀取待辦；請在該公司的活動中檢視。', '月底分數', '月份', '開啟於'],
};

/** The texts of a language. */
export function textsOf(language: Language = LANGUAGE): Texts {
  return Object.fromEntries(KEYS.map((key, place) => [key, ROWS[language][place]])) as Texts;
}

export function fill(text: string, value: string): string {
  return text.replace('{x}', () => value);
}
