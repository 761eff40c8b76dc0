"""Domains of mail relays, aliases and masks: every address is a different person.

Disposable mail is not listed here: the package `disposable-email-domains` keeps that
list.
"""

_PRIVATE_RELAYS = """
privaterelay.appleid.com private.icloud.com mozmail.com relay.firefox.com duck.com
simplelogin.co simplelogin.com simplelogin.fr 8alias.com 8shield.net aleeas.com dralias.com
passfwd.com passinbox.com passmail.com passmail.net silomails.com slmail.me slmails.com
anonaddy.com anonaddy.me addymail.com 4wrd.cc mailer.me
33mail.com burnermail.io cloaked.id erine.email idbloc.co ironvest.com manyme.com opayq.com
spamgourmet.com sudomail.com
"""
_FORWARDING = """
bigfoot.com forwardemail.net iname.com mailforwarding.com mailhop.org pobox.com
"""
_PROVIDER_ALIASES = """
123mail.org 150mail.com 150ml.com 16mail.com 2-mail.com 4email.net 50mail.com airpost.net
allmail.net bestmail.us cluemail.com elitemail.org emailcorner.net emailengine.net
emailengine.org emailgroups.net emailplus.org emailuser.net eml.cc f-m.fm fast-email.com
fast-mail.org fastem.com fastemail.us fastemailer.com fastest.cc fastimap.com fastmail.cn
fastmail.co.uk fastmail.com.au fastmail.de fastmail.es fastmail.fr fastmail.im fastmail.in
fastmail.jp fastmail.mx fastmail.net fastmail.nl fastmail.org fastmail.se fastmail.to
fastmail.tw fastmail.uk fastmail.us fastmailbox.net fastmessaging.com fea.st fmail.co.uk
fmailbox.com fmgirl.com fmguy.com ftml.net h-mail.us hailmail.net imap-mail.com imap.cc
imapmail.org inoutbox.com internet-e-mail.com internet-mail.org internetemails.net
internetmailing.net jetemail.net justemail.net letterboxes.org mail-central.com mail-page.com
mailandftp.com mailas.com mailbolt.com mailc.net mailcan.com mailforce.net mailftp.com
mailhaven.com mailingaddress.org mailite.com mailmight.com mailnew.com mailsent.net
mailservice.ms mailup.net mailworks.org ml1.net mm.st myfastmail.com mymacmail.com
nospammail.net ownmail.net petml.com postinbox.com postpro.net proinbox.com promessage.com
realemail.net reallyfast.biz reallyfast.info rushpost.com sent.as sent.at sent.com speedpost.net
speedymail.org ssl-mail.com swift-mail.com the-fastest.net the-quickest.com
theinternetemail.com veryfast.biz veryspeedy.net warpmail.net xsmail.com yepmail.net
your-mail.com
"""
_MARKETPLACE_MASKS = """
guest.airbnb.com guest.booking.com m.expediapartnercentral.com
marketplace.amazon.ca marketplace.amazon.co.jp marketplace.amazon.co.uk marketplace.amazon.com
marketplace.amazon.com.au marketplace.amazon.com.br marketplace.amazon.com.mx
marketplace.amazon.de marketplace.amazon.es marketplace.amazon.fr marketplace.amazon.it
marketplace.amazon.nl marketplace.amazon.pl marketplace.amazon.se
members.ebay.com members.ebay.co.uk members.ebay.de proxymail.facebook.com
reply.craigslist.org reply.github.com users.noreply.github.com
"""

RELAY_MAIL = frozenset(
    " ".join((_PRIVATE_RELAYS, _FORWARDING, _PROVIDER_ALIASES, _MARKETPLACE_MASKS)).split()
)
