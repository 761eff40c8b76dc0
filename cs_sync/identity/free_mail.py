"""Free mail domains: open to anybody, so no evidence of an employer."""

_INTERNATIONAL = """
aim.com aol.com email.com excite.com fastmail.com fastmail.fm gmail.com gmx.com gmx.net
googlemail.com hey.com hotmail.com hushmail.com icloud.com inbox.com live.com lycos.com mac.com
mail.com me.com msn.com outlook.com passport.com pm.me proton.me protonmail.ch protonmail.com
rocketmail.com runbox.com startmail.com tuta.com tuta.io tutamail.com tutanota.com tutanota.de
usa.com yahoo.com yandex.com ymail.com zoho.com zohomail.com zohomail.eu
"""
_AMERICAS = """
att.net bell.net bellsouth.net bol.com.br cable.net.co charter.net comcast.net cox.net
earthlink.net frontier.com globo.com hotmail.ca hotmail.com.ar hotmail.com.br hotmail.com.mx
ig.com.br juno.com live.ca live.com.ar live.com.mx mindspring.com netzero.net optonline.net
outlook.com.br prodigy.net.mx roadrunner.com rogers.com sbcglobal.net shaw.ca sympatico.ca
telus.net terra.com.br uol.com.br verizon.net videotron.ca windstream.net yahoo.ca yahoo.com.ar
yahoo.com.br yahoo.com.mx
"""
_EUROPE = """
abv.bg aon.at arcor.de azet.sk bbox.fr bluewin.ch blueyonder.co.uk bredband.net btinternet.com
centrum.cz centrum.sk chello.at chello.nl citromail.hu email.cz email.de email.it free.fr
freemail.hu freenet.de gazeta.pl gmx.at gmx.ch gmx.co.uk gmx.de gmx.es gmx.fr go2.pl hetnet.nl
home.nl hotmail.be hotmail.co.uk hotmail.de hotmail.es hotmail.fr hotmail.gr hotmail.it hotmail.nl
hotmail.se in.gr inbox.lv inbox.ru indamail.hu interia.eu interia.pl kpnmail.nl laposte.net
libero.it list.ru live.at live.be live.co.uk live.com.pt live.de live.dk live.fi live.fr live.ie
live.it live.nl live.no live.se luukku.com mail.bg mail.de mail.ee mail.ru mailbox.org neuf.fr
ntlworld.com numericable.fr o2.pl o2online.de onet.eu onet.pl online.de online.no op.pl orange.fr
otenet.gr outlook.at outlook.be outlook.cz outlook.de outlook.dk outlook.es outlook.fr outlook.hu
outlook.ie outlook.it outlook.pt outlook.sk planet.nl poczta.fm poczta.onet.pl posteo.de
rambler.ru sapo.pt seznam.cz sfr.fr sky.com skynet.be suomi24.fi t-online.de talktalk.net tele2.nl
telefonica.net telenet.be telia.com terra.es tin.it tiscali.co.uk tiscali.it tlen.pl tvn.hu
ukr.net upcmail.nl vip.onet.pl virgilio.it virginmedia.com vodafone.de wanadoo.es wanadoo.fr
web.de windowslive.com wp.pl xs4all.nl yahoo.co.uk yahoo.de yahoo.dk yahoo.es yahoo.fr yahoo.gr
yahoo.ie yahoo.it yahoo.nl yahoo.no yahoo.pl yahoo.ro yahoo.se yandex.ru yandex.ua ziggo.nl
zonnet.nl
"""
_ASIA_AND_PACIFIC = """
126.com 139.com 163.com 188.com aliyun.com bigpond.com bigpond.net.au daum.net docomo.ne.jp
ezweb.ne.jp foxmail.com hanmail.net hotmail.co.jp hotmail.co.nz hotmail.com.au hotmail.com.tr
iinet.net.au inbox.mail.ru indiatimes.com kakao.com live.cn live.com.au live.com.my live.com.sg
live.jp mail.ir mynet.com nate.com naver.com netvigator.com nifty.com optusnet.com.au
outlook.co.id outlook.co.th outlook.com.au outlook.com.tr outlook.in outlook.jp outlook.kr
outlook.sa ozemail.com.au qq.com rediffmail.com sina.cn sina.com singnet.com.sg softbank.ne.jp
sohu.com tom.com tpg.com.au vip.163.com vip.qq.com walla.co.il walla.com xtra.co.nz yahoo.cn
yahoo.co.id yahoo.co.in yahoo.co.jp yahoo.co.kr yahoo.co.nz yahoo.co.th yahoo.com.au yahoo.com.cn
yahoo.com.hk yahoo.com.my yahoo.com.ph yahoo.com.sg yahoo.com.tr yahoo.com.tw yahoo.com.vn
yahoo.in yandex.kz yeah.net
"""
_AFRICA = (
    "mweb.co.za telkomsa.net vodamail.co.za webmail.co.za yahoo.co.za hotmail.co.za live.co.za"
)

FREE_MAIL = frozenset(
    " ".join((_INTERNATIONAL, _AMERICAS, _EUROPE, _ASIA_AND_PACIFIC, _AFRICA)).split()
)
