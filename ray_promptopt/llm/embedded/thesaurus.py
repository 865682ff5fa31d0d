"""What the models know of English: everyday ways to say the words that labels are named with.

Part of the models' fixed parameters, general to customer service; no data set is in it. The writer
writes from it; a reader thinks of it only when its prompt asks for meaning beyond words.
"""

from functools import lru_cache

from ray_promptopt.llm.embedded.text import stem, stems_of

_ENTRIES = """
refund: money back, reimburse, give back, returned money, compensation
cancel: call off, stop, undo, revoke, withdraw my, changed my mind
terminate: close, delete, shut down, deactivate, get rid of, leave
delete: remove, erase, close, get rid of
close: shut down, delete, terminate, deactivate
fee: charge, charged, cost, pay extra, commission, surcharge
charge: fee, charged, cost, pay extra, billed, surcharge
charged: fee, billed, deducted, taken
price: cost, how much, expensive, cheaper, rate
cost: price, how much, expensive, fee
discount: coupon, voucher, promo, promotion, cheaper, deal
payment: pay, paid, purchase, bought, spent, transaction
pay: payment, paid, settle, purchase
billing: bill, invoice, charged, charge
invoice: bill, receipt, statement, billing
receipt: proof of purchase, invoice, bill
transaction: payment, purchase, charge
transfer: send money, sent money, wire, moved money, sending
receiving: receive, get paid, incoming, salary
received: arrived, come through, got
recipient: friend, beneficiary, receiver, someone else
beneficiary: recipient, payee, send to
deposit: paid in, put money, add money
top: add money, add funds, load, adding money, reload, fund my account
topping: add money, add funds, load, adding money
withdrawal: withdraw, withdrew, take out money, took out, atm, cash machine, get cash
cash: atm, withdraw, withdrew, cash machine, notes, bills
atm: cash machine, withdraw, cashpoint
cheque: check, checks, cheques
balance: account total, funds, money in my account, how much money
limits: limit, maximum, how many, how much, cap, restriction
limit: maximum, how many, how much, cap, restriction
exchange: convert, conversion, currencies, foreign currency, swap
currency: currencies, euros, dollars, pounds, foreign money
currencies: currency, euros, dollars, pounds
rate: price, percentage, conversion
country: abroad, europe, countries, overseas, where do you operate, live in
international: abroad, overseas, another country, foreign
supported: support, accepted, available, work with, allow
support: supported, available, work, operate
acceptance: accept, accepted, where can i use, shops, stores
declined: rejected, refused, denied, not accepted, wouldn't go through, not approved
failed: didn't work, not work, unsuccessful, did not go through, didn't go through, won't go through
failure: failed, didn't work, error, broken
pending: still waiting, not completed, in progress, hasn't gone through, processing, taking so long
reverted: returned, reversed, cancelled, sent back, undone
wrong: incorrect, not right, mistake, different, error, not correct
recognised: recognize, didn't make, unknown, don't remember, strange, never made, did not make
unauthorized: didn't make, don't recognize, fraud, someone else
fraud: scam, suspicious, hacked, didn't make, unauthorized
compromised: fraud, hacked, someone used, someone else, stolen details, without my permission
lost: missing, can't find, misplaced, left, lose, disappeared
stolen: robbed, thief, theft, stole, taken, mugged
missing: lost, not in the box, disappeared, can't find, left out
damaged: broken, cracked, scratched, dented, torn, smashed
defective: broken, faulty, doesn't work, stopped working
broken: damaged, faulty, doesn't work, stopped working
blocked: locked, too many attempts, unblock, locked out
locked: blocked, can't get in, locked out
forgotten: forgot, don't remember, can't remember, reset
password: log in, login, passcode, credentials, sign in
passcode: password, code, access code, log in
reset: forgot, change, recover, restore
login: log in, sign in, access my account, get into
access: log in, sign in, get into, locked out
pin: code, number, secret number
change: update, edit, modify, switch, different
edit: change, update, modify, correct
update: change, edit, modify, upgrade, new version
details: address, name, phone number, information, email
address: moved, house, street, moving, new place
personal: my name, address, phone number
identity: id, passport, who i am, documents, prove, identification
verify: verification, confirm, prove, check, validate
verification: verify, confirm, prove
unable: can't, cannot, won't, not able
why: reason, purpose, what is the point
source: where my money comes from, origin, come from
funds: money, income
arrival: arrived, arrive, still waiting, not come, hasn't come, received
delivery: deliver, shipping, ship, arrive, package, parcel, courier, mail
delivered: arrived, shipped, courier, package
delayed: late, still waiting, slow, overdue, taking so long
late: delayed, overdue, still waiting
estimate: how long, when, how many days, how fast
tracking: track, where is, location, follow
track: where is, location, follow
shipping: delivery, ship, send, postage, courier
order: buy, purchase, request, get, bought
physical: real, actual, plastic
status: where is, progress, update, happening
return: send back, give back, bring back, take back
exchangeable: swap, replace, different size
replacement: replace, new one, swap, another
warranty: guarantee, covered, repair
repair: fix, broken, mend
stock: available, sold out, back in
availability: available, stock, sold out, in store
activate: start using, activation, turn on, set up, enable
activation: activate, turn on, set up
linking: link, connect, reconnect, add, put back
working: work, broken, not function, malfunction, problem, stopped
swallowed: ate, stuck, took my card, kept, retained, machine
expire: expires, expiry, expiration, runs out, expiring
spare: second, extra, another, additional
virtual: online, digital
disposable: temporary, one time, single use, throwaway
contactless: tap, touch, nfc, wireless
phone: mobile, cell, device, iphone, android
apple: iphone, watch
google: android
age: old, years old, child, children, kids, minor, daughter, son
automatic: auto, automatically, recurring, by itself
timing: how long, when, how many days, time, take
twice: double, duplicate, two times, multiple times, again, duplicated
duplicate: twice, double, two times, repeated
extra: additional, weird, strange, small
statement: history, records, app shows
direct: recurring, subscription
debit: subscription, recurring
into: receive
updated: update, showing, show, reflect, changed, appear, see
showing: show, appear, see, reflected
get: obtain, receive, want, need, order
getting: get, obtain, receive, order
request: want, ask, apply, like
subscription: plan, membership, recurring, monthly
upgrade: better plan, premium, higher, faster
downgrade: cheaper plan, lower, basic
account: profile, login
register: sign up, create, open, join
signup: sign up, register, create, join
hours: open, opening, closing time, what time, closed
location: where, near me, address, nearest, store
contact: call, phone, speak, email, reach, talk
agent: human, person, representative, someone, operator
human: agent, person, representative, operator
complaint: complain, unhappy, disappointed, terrible, rude, unacceptable
feedback: suggestion, review, opinion, complaint
technical: error, crash, bug, glitch, not working
error: crash, bug, glitch, not working, fails
crash: freezes, closes, bug, hangs, stuck
slow: speed, lag, takes ages, loading
internet: wifi, connection, online, network, router
connection: wifi, internet, network, disconnects, signal
outage: down, no service, offline, not working
booking: book, reserve, reservation, reserved
reservation: book, booking, reserve
appointment: schedule, visit, book, meeting, slot
reschedule: move, another day, postpone, change the date, different time
flight: plane, fly, airline
baggage: luggage, suitcase, bag, bags
luggage: baggage, suitcase, bag
seat: sit, window, aisle
ticket: tickets, pass, entry
check: verify, look, see
gift: present, voucher
loyalty: points, rewards, member
points: loyalty, rewards
tax: vat, taxes
loan: borrow, credit, mortgage
insurance: cover, policy, claim, insured
privacy: my data, personal information, gdpr
data: information, records, usage
notification: alert, email, message, reminder
email: mail, inbox, message
language: english, spanish, translate
size: fit, too small, too big, large
"""


@lru_cache(maxsize=1)
def _thesaurus() -> dict[str, tuple[str, ...]]:
    entries = (line.split(": ", 1) for line in _ENTRIES.strip().splitlines())
    return {stem(word): tuple(says.split(", ")) for word, says in entries}


def ways_to_say(word: str) -> tuple[str, ...]:
    """Phrases that mean the word in everyday speech; empty when none are known."""
    return _thesaurus().get(stem(word), ())


@lru_cache(maxsize=1)
def _by_phrase() -> dict[tuple[str, ...], tuple[str, ...]]:
    meant: dict[tuple[str, ...], list[str]] = {}
    for word, says in _thesaurus().items():
        for phrase in says:
            meant.setdefault(tuple(stems_of(phrase)), []).append(word)
    return {phrase: tuple(words) for phrase, words in meant.items()}


def words_meant(text_stems: list[str]) -> set[str]:
    """The stems of words that phrases of the text are everyday ways to say."""
    runs = (
        tuple(text_stems[start : start + size])
        for size in range(1, 5)
        for start in range(len(text_stems) - size + 1)
    )
    return {word for run in runs for word in _by_phrase().get(run, ())}


def is_said(phrase: str, text_stems: list[str]) -> bool:
    """Whether the phrase's stems stand together in the text."""
    wanted = stems_of(phrase)
    size = len(wanted)
    return any(text_stems[i : i + size] == wanted for i in range(len(text_stems) - size + 1))
