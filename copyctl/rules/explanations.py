"""What each code of lint means for a trader: why it matters, and what to do. The pages of ``docs/lint`` hold them."""

from typing import Final

EXPLANATIONS: Final[dict[str, str]] = {
    "R101": """The file, or one that it extends, is not there, may not be read, is larger than a megabyte, or is not
UTF-8 text. Nothing else can be said of it. Give the right path, or save the file as UTF-8 in your editor.""",
    "R102": """The text breaks the rules of YAML: a bracket that is not closed, a tab where spaces must stand, a tag, a
nesting that has no end. No key of it can be trusted, so none is used. Look at the place that is named and a little
above it: what opened there was often begun earlier.""",
    "R103": """Of two values for one key YAML silently keeps the last one. In a limit that is money: you read the first,
the run obeys the second. Keep one of them.""",
    "R104": """A file that extends itself, at once or through others, has no beginning. Let one of them stand alone, and
the others extend it.""",
    "R105": """A ${...} stands for a value that is read when the file is loaded. Only three forms are understood:
${NAME}, ${NAME:-default} and ${file:PATH}. Anything else would reach the broker as it is written. `extends` takes
none of them: which file is meant must be clear without a variable.""",
    "R106": """A comment that begins with `# copyctl:` is meant for lint, and this one does not say what it has to: the
word allow, one or more codes, a colon, and the reason. It allows nothing as it stands. The reason is for whoever
reads the file next, often yourself.""",
    "R107": """The comment allows a warning that lint does not give there any more, or an error, which nothing allows.
An idle comment would hide the next warning of that kind. Delete it.""",
    "R111": """The language has no key of this name in this place, so what you meant by it would not happen: a limit
that is misspelt limits nothing. The hint names the nearest key, or the section that the key belongs to.""",
    "R112": """Without this key nobody knows what to do, and there is no default that would be right for everybody.""",
    "R113": """Another kind of value is needed here: a number, text, true or false, a list, a map of keys. Quotes make
text of a number, and the words on, off, yes and no are text, not true and false.""",
    "R114": """Only certain words may stand here, and this is none of them. The message lists them all. Dhan's own short
names (MIS, NRML, SL, SL-M, GTT) are understood too.""",
    "R115": """The text does not look as it must here. A length of time is a whole number and a unit without a space
(250ms, 5s, 2m, 1h), a time of day is 09:15 or 09:15:30, a date 2026-11-08.""",
    "R116": """The number or the length lies outside what makes sense for this key. The message has the bound.""",
    "R201": """Followers and rules are told apart by their names: in commands, in the store, in alerts and in the reason
of a decision. Give each a name of its own.""",
    "R202": """The leader's own account is called leader wherever accounts are listed, so no follower may have that
name.""",
    "R203": """Two accounts with one client id are one account: an account that copies itself doubles its own orders
without an end, and a follower that is there twice gets each order twice.""",
    "R204": """One key hangs on another one that is missing: a strategy on its own number, an offset on its ticks, a
login on its PIN. What would be done without it is anybody's guess, so it is not done.""",
    "R205": """The lower end is above the upper one, or a time ends before it begins. Such a range holds nothing, and a
rule with it would never match. Turn it round.""",
    "R206": """Whoever sees the file sees the secret, and so does every copy, backup and commit of it. An access token
is all that is needed to trade in the account. Write ${NAME} and set the variable, or ${file:PATH} and keep that
file readable by you alone. Let the token that was written here expire.""",
    "R207": """Dhan refuses what is above its own rates, and counts refusals as well. A rate in this file can only be
lower: to leave room for other programs on the same account.""",
    "R208": """A date that no calendar has, an address that is none, a pattern that matches none of the words that can
occur. What hangs on it would never happen.""",
    "R209": """Numbers are kept exactly, to fifteen digits. This one would come back changed, which is not for a value
in rupees to do.""",
    "R210": """The calendar says on which dates there is trading. One of another country closes on its own holidays:
orders would wait, or leave on a day on which India is closed. XBOM is the calendar of BSE and NSE.""",
    "R211": """Some instruments of a segment keep hours of their own and are given as a class. No instrument is ever of
this one, so the hours of this entry hold for nothing.""",
    "R212": """A day has its phases in one order: pre-open, regular, closing auction, post-close. Where two overlap, or
two entries give other hours for the same days, nobody can say whether an order may leave.""",
    "R213": """One date has two entries that do not go together: the second counts for nothing, or one takes back what
the other says. Keep one.""",
    "R214": """Intraday entries end at square_off. At a time outside trading hours it would end them never, or before
they began.""",
    "R215": """Exchanges change their hours, and the table that ships with copyctl is dated and knows of it. An entry of
yours wins over the table: without an end it keeps the old hours when the exchange has new ones. End it on the day
before the change, or leave it out.""",
    "R216": """The library exchange-calendars knows holidays up to a date, as the exchanges publish them year by year,
and that date has passed. With stale_calendar: refuse no entry is copied any more; with warn every weekday counts as
a trading day, holidays included. Lint sees it where a run has kept its trading days in the store's folder.""",
    "R217": """Every date of this list has passed, so nothing in it counts any more. Most often this year's dates were
forgotten: the next holiday of your own, or the next special session, is then not known. Write what is to come, or
delete the list.""",
    "R220": """At this value the limit refuses each entry, or ends the day at once, and the follower copies nothing.
Where an instrument list is at hand it is also told of a limit in units that is less than one lot of what the rules
name. null is no limit; `enabled: false` is for a follower that shall only close.""",
    "R221": """The sizing asks for more than a limit lets through, each time. With on_breach: reject no entry is ever
copied, with reduce each one is cut. Lower the size or raise the limit.""",
    "R222": """This limit never decides, since another one is always reached first. It reads as a safeguard and is none.
Lower it, raise the other one, or leave one of them out.""",
    "R223": """The value takes away something that keeps losses small when things go wrong: an exit that is always let
through, a position that is never turned round by an order that was meant to close it, a check that an order meets
before it leaves, a stop that works. There are reasons to do so. If yours is one, say it in a comment that allows
the warning.""",
    "R224": """The distance or the wait works against what it is there for: an exit so close to the last price that it
may never fill, a wait for other legs so long that prices have moved on.""",
    "R225": """The actions of the kill switch run in the order in which they stand, when things go wrong already. This
one undoes the next, or finds something in its way that should have gone before: entries end first, then open
orders, then positions, and a halt is the last thing to do.""",
    "R226": """A share of each minute, hour and day is kept for cancels and exits. Here it takes all there is, and no
entry is ever sent. Lower reserve_pct, or raise the rate if it is below Dhan's.""",
    "R227": """The rule asks for two things that no order is at once, such as an index option of a share segment. It
never matches, and what it was written for goes to the rules below it or to the default.""",
    "R228": """The first rule that matches decides. An earlier rule takes every order that this one is for, so what it
says never happens. Put the narrower rule first.""",
    "R229": """Quantities are whole lots. What comes to less than a lot is rounded to nothing, and each entry of this
rule ends with the reason zero_quantity. A lot is never less than one unit; where an instrument list is at hand the
lots of the underlyings that the rule names are known. Raise the size, round up, or set minimum_lots: 1, which
copies one lot of the smallest order.""",
    "R230": """Tokens of Dhan live for a day. Here none can be had anew without you, or a new one would be forgotten
with the run: then copying ends tomorrow at the latest. Keep the token in a file (${file:PATH}), and give what the
login needs.""",
    "R231": """The page of metrics asks for no password. Whoever reaches the port learns who is copied, how much and how
often. Listen on 127.0.0.1, or let a firewall or a proxy keep the port.""",
    "R232": """Nothing stops an order that is far too large: a slip of the leader's finger, a wrong ratio, a bad day are
copied in full. One limit on the value of an order and one on the loss of a day are the least; copyctl stops a
follower that reaches the loss. Lint says nothing of a simulator or a server of this machine, where no money is at
stake.""",
    "R233": """Dhan takes orders only from an address that is registered for the account, and registers an address for
one user alone. Of two followers that send from one address at least one has every order refused with Invalid IP.
Give each account an address of its own (IPv6 will do) and name it in source_ip. Followers without source_ip all
send from the machine's own address: `copyctl doctor` tells what Dhan says to that.""",
    "R234": """`copyctl report summary --check` sets a day against the objectives. This one tells nothing: whatever
happens meets it, or no copy ever does, since a copy fills after the leader and often at another price. Leave the key
out, or ask for what copying can do.""",
    "R235": """An address of http:// or ws:// is not encrypted, and nobody proves to be the one who is meant. Whoever
stands between reads the access token, with which all of the account can be traded, and may answer in the broker's
name. On this machine itself (127.0.0.1, localhost) nobody stands between. Write https:// and wss://.""",
    "R240": """The file names an underlying or a security id that the instrument list does not have: a typing error, or
a contract that has expired. A rule with it never matches, a number for it counts for nothing. Lint looks only where
a list is at hand: the file that broker.instruments names, or the copy that a run has kept in the store's folder.""",
    "R241": """Above the freeze quantity an order is cut into several. It is a number of units, and this one is less
than a lot, likely because lots were meant: each lot would become an order of its own, and use up the rate limits.
Told where an instrument list is at hand.""",
    "R301": """The file asks for a variable of the environment that is not set. Lint does not need it and says nothing;
a run does. Set it, or write ${NAME:-default}.""",
    "R302": """The file asks for what stands in another file, which is not there, cannot be read, or is no text. Lint
does not need it and says nothing; a run does. Create it, readable by you alone.""",
    "R401": """The language has this key, and this version of copyctl cannot do what it asks for. A run refuses the file
rather than leave it undone in silence; lint warns. Leave the key out until a later version can.""",
    "R501": """A line of a policy test says an order of the leader, or what becomes of it, in words such as BUY 130 CE
MARKET and copied BUY 65. Here a word is not understood, said twice, or missing; or the order is one that cannot be,
such as a MARKET order with a price. docs/policy-tests.md has all words.""",
    "R502": """Policy tests are about one rules file, which they name with rules. It is not there, or it has errors, so
nothing can be tested. Lint the rules file: it tells everything that is wrong with it.""",
    "R503": """What the case says cannot happen like this: a step lies before the one above it, an order changes that is
over or not placed yet, two things are one step, or there are more outcomes than orders. A case that could not happen
would show nothing.""",
}
"""Code -> a few sentences for its page, which breaks the lines anew."""
