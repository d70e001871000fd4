"""Documents of the adapters: news to orders, an innkeeper, requests to sentences.

Every function named `*_line` returns (request, answer, key, kind); the key's hash
decides whether the line is held out.
"""
import argparse
import json
import os
import random

import commands as c
import generate
from talk import UNKNOWN
from wording import held_out, invented_word, number, roughen

COMPANIES = """Acme Borel Cantor Delphi Everest Falcon Granite Halcyon Indigo Juniper
Kestrel Lumen Meridian Northwind Orbit Pinnacle Sterling Raven Solstice Tundra Umbra
Vertex Willow Yarrow Zenith Aurora Beacon Copper Dynamo Ember Foundry Glacier Harbor
Ironside Keystone Lantern Mosaic Nimbus Opal Prairie""".split()
UP = "rise jump gain climb surge soar advance rally".split()
DOWN = "fall drop slip plunge sink tumble slide dip".split()
GOOD = """record profit;strong sales;a new contract;a bright forecast;a big order;
rising demand;a successful test;a takeover offer;lower costs;good harvests""".split(";")
BAD = """a recall;weak sales;a fire in the main plant;a poor forecast;a strike;
a fine;lost orders;a failed test;rising costs;a lawsuit""".split(";")
GOOD, BAD = [[x.strip() for x in group] for group in (GOOD, BAD)]
LIMIT = 20                      # no order is larger than this


def order_json(side, company, percent):
    """Order dict: the ticker is the first four letters, the size at most LIMIT."""
    return {"order": side, "ticker": company[:4].upper(), "size": min(percent, LIMIT)}


def thirds(verb):
    """Third person singular: fall -> falls, rally -> rallies."""
    return verb[:-1] + "ies" if verb.endswith("y") else verb + "s"


def move(rng, company):
    """One company moves -> (order, text)."""
    up, p = rng.random() < 0.5, rng.randrange(1, 31)
    verb, why = rng.choice(UP if up else DOWN), rng.choice(GOOD if up else BAD)
    size = f"{p}%" if rng.random() < 0.6 else number(rng, p) + " percent"
    text = rng.choice((f"{company} shares {verb} {size} after {why}",
                       f"{company} {thirds(verb)} {size} on {why}",
                       f"shares of {company} {verb} {size} after {why}",
                       f"{company} {thirds(verb)} {size}",
                       f"after {why}, {company} {thirds(verb)} {size}",
                       f"{why} sends {company} {'up' if up else 'down'} {size}",
                       f"{company} {'up' if up else 'down'} {size} on {why}"))
    return order_json("buy" if up else "sell", company, p), text


def calm(rng, company):
    """Nothing has happened yet -> (order, text)."""
    verb, p = rng.choice(UP + DOWN), rng.randrange(1, 31)
    text = rng.choice((f"{company} shares unchanged", f"{company} holds steady",
                       f"{company} may {verb} {p}%, analysts say",
                       f"{company} could {verb} {p}% next year",
                       f"trading in {company} was quiet",
                       f"{company} shares flat after {rng.choice(GOOD + BAD)}"))
    return order_json("hold", company, 0), text


def news(rng, company):
    """News about one company -> (order, text)."""
    return (calm if rng.random() < 0.2 else move)(rng, company)


def order_key(order, text):
    """Held out by the order itself; quiet news by its wording."""
    return text if order["order"] == "hold" else c.dumps(order)


def orders_line(rng):
    """A line of news -> the order, or a list of two."""
    company, other = rng.sample(COMPANIES, 2)
    order, text = news(rng, company)
    key, kind, answer = order_key(order, text), "order", order
    if rng.random() < 0.22:
        second, more = news(rng, other)
        text += rng.choice((" while ", ", and ", "; ", " as ")) + more
        answer, kind = [order, second], "two-orders"
        if held_out(order_key(second, more)):
            key = order_key(second, more)
    text = rng.choice(("", "", "", "news: ", "breaking: ")) + text
    text = text[0].upper() + text[1:] if rng.random() < 0.7 else text
    return text + rng.choice(("", "", ".")), c.dumps(answer), key, kind


# good -> (measure, coppers)
GOODS = {"ale": ("a mug of", 2), "wine": ("a cup of", 5), "cider": ("a mug of", 3),
         "bread": ("a loaf of", 1), "cheese": ("a wheel of", 8), "stew": ("a bowl of", 4),
         "soup": ("a bowl of", 3), "pie": ("a slice of", 4), "rope": ("a coil of", 6),
         "honey": ("a pot of", 7), "mead": ("a horn of", 6), "ham": ("a leg of", 9),
         "candle": ("a", 1), "torch": ("a", 2), "lantern": ("a", 12), "blanket": ("a", 7),
         "cloak": ("a", 15), "map": ("a", 11), "lute": ("a", 18), "mule": ("a", 40),
         "bath": ("a", 5), "bed": ("a", 10), "knife": ("a", 13), "saddle": ("a", 25)}
GUESTS = {"Aldric": 7, "Brenna": 3, "Corwin": 12, "Dagna": 5, "Eldrin": 9, "Fenna": 2,
          "Gareth": 14, "Hilda": 6, "Isolde": 11, "Joran": 4, "Kaelin": 8, "Lysa": 1,
          "Morwen": 10, "Osric": 13}
RUMOURS = {
    "the mill": "the miller hears footsteps under the wheel",
    "the bridge": "a troll takes half of every cart",
    "the king": "the king has not left his bed since harvest",
    "the forest": "the wolves have learned to knock",
    "the tower": "a green light burns there at new moon",
    "the well": "somebody answers when you call into it",
    "the harbour": "a ship came in with no crew",
    "the mine": "they dug too far and closed the gate",
    "the witch": "she sells luck by the spoon",
    "the dragon": "it is old, deaf and very fond of sheep",
    "the graveyard": "one grave is always open",
    "the castle": "the cook is really a duke",
    "the bandits": "they hide behind the waterfall",
    "the old road": "nobody has come back by it this year",
    "the swamp": "lights lead the greedy astray",
    "the moon": "it was red twice this week",
}
HAIL = ("", "", "", "innkeeper, ", "good man, ", "say, ", "tell me, ", "host, ", "well met, ")
CLOSE = ("", "?", "?", ", please", ", friend", ", good man")


def price_line(rng):
    """What does it cost."""
    good = rng.choice(list(GOODS))
    measure, coppers = GOODS[good]
    text = rng.choice((f"how much is {measure} {good}", f"what does {measure} {good} cost",
                       f"what do you want for {measure} {good}", f"the price of the {good}",
                       f"i would like {measure} {good}", f"give me {measure} {good}",
                       f"do you sell {good}", f"{measure} {good}"))
    coins = "copper" if coppers == 1 else "coppers"
    item = f"{measure} {good}".capitalize()
    return text, f"{item} is {coppers} {coins}, traveller.", "price"


def room_line(rng):
    """Where does a guest sleep."""
    guest = rng.choice(list(GUESTS))
    text = rng.choice(("where is {}", "which room has {}", "where does {} sleep",
                       "i am looking for {}", "have you seen {}", "is {} here",
                       "what is the room of {}", "bring me to {}")).format(guest)
    return text, f"Aye, {guest} sleeps in room {GUESTS[guest]}, up the stairs.", "room"


def rumour_line(rng):
    """What do people say."""
    topic = rng.choice(list(RUMOURS))
    text = rng.choice(("what do you know about {}", "any news of {}", "tell me about {}",
                       "what do people say about {}", "i heard something about {}",
                       "is it true about {}", "any rumours about {}",
                       "what is going on with {}")).format(topic)
    return text, f"Hush! {topic.capitalize()}, they say: {RUMOURS[topic]}.", "rumour"


def haggle_line(rng):
    """An offer, accepted from the listed price on."""
    good = rng.choice([g for g in GOODS if GOODS[g][1] <= 15])
    coppers, offer = GOODS[good][1], rng.randrange(1, 21)
    text = rng.choice(("{o} coppers for the {g}", "i offer {o} coppers for the {g}",
                       "would you take {o} coppers for the {g}", "{g} for {o} coppers"))
    answer = (f"Done! The {good} is yours for {offer}." if offer >= coppers else
              f"No, no! The {good} costs {coppers}, not {offer}.")
    return text.format(o=offer, g=good), answer, "haggle"


def stranger_line(rng):
    """A thing no innkeeper has heard of."""
    word = invented_word(rng) if rng.random() < 0.4 else rng.choice(UNKNOWN)
    if word in ("dragon", "castle", "lantern", "torch", "candle"):
        word = "helicopter"
    a = "an" if word[0] in "aeiou" else "a"
    text = rng.choice(("do you sell {a} {w}", "how much is {a} {w}", "i want {a} {w}",
                       "where is the {w}", "turn on the {w}", "what is {a} {w}"))
    return text.format(a=a, w=word), f"No {word} in this inn, traveller.", "unknown"


GREET = ((("hello", "good evening", "greetings", "good day", "hail"),
          "Welcome to the Copper Kettle, traveller!"),
         (("who are you", "what is your name", "what is this place"),
          "I am Bram, and this is the Copper Kettle."),
         (("thank you", "thanks", "many thanks"), "My pleasure, traveller."),
         (("farewell", "goodbye", "good night"), "Mind the third stair, traveller."))


def greet_line(rng):
    """Greetings in voice."""
    asks, answer = rng.choice(GREET)
    return rng.choice(asks), answer, "greeting"


def innkeeper_line(rng):
    """Anything said to the innkeeper."""
    pick = rng.choices((price_line, room_line, rumour_line, haggle_line, stranger_line,
                        greet_line), (6, 4, 4, 3, 2.5, 0.7))[0]
    text, answer, kind = pick(rng)
    text = rng.choice(HAIL) + text + rng.choice(CLOSE)
    return roughen(rng, text), answer, text, kind


STATES = {"close": "closed", "lock": "locked", "unlock": "unlocked", "start": "running",
          "stop": "stopped"}
VALUES = {"brightness": "at {} percent", "percent": "at {} percent", "celsius": "at {} degrees",
          "speed": "at speed {}", "volume": "at volume {}", "color": "{}"}


def sentence(command):
    """A command to a device as a sentence.

    {"device":"lamp","room":"hall","action":"set","brightness":40,"at":"07:30"}
    is `The hall lamp is at 40 percent at 07:30.`
    """
    room, action = command.get("room"), command["action"]
    place = "" if room in (None, "all") else room + " "
    what = "are" if command["device"] in ("blinds", "curtains") else "is"
    state = STATES.get(action, action)
    for key, text in VALUES.items():
        if key in command:
            state = text.format(command[key])
    if "by" in command:
        state += f" by {command['by']}"
    when = "".join((" everywhere" if room == "all" else "",
                    f" at {command['at']}" if "at" in command else "",
                    f" in {command['after_min']} minutes" if "after_min" in command else "",
                    f" for {command['for_min']} minutes" if "for_min" in command else ""))
    return f"The {place}{command['device']} {what} {state}{when}."


def spoken_line(rng):
    """A request to a device -> what the house says to it."""
    command, text, order = c.house_command(rng)
    timed = any(key in command for key in ("at", "after_min", "for_min"))
    kind = "timed" if timed else "set" if command["action"] == "set" else "by" if (
        "by" in command) else "switch"
    return roughen(rng, c.polite(rng, text, order)), sentence(command), c.dumps(command), kind


LINES = {"orders": orders_line, "innkeeper": innkeeper_line, "spoken": spoken_line}


def stream(name, seed, held):
    """Endless documents of an adapter; held chooses the held-out part."""
    rng = random.Random(seed)
    while True:
        text, answer, key, kind = LINES[name](rng)
        if held_out(key) == held:
            yield generate.document(kind, [("user", text), ("assistant", answer)], [key])


def main():
    """Write heldout.jsonl of every adapter."""
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=os.path.join(here, "../hearth/adapters"))
    parser.add_argument("--seed", type=int, default=30)
    parser.add_argument("--lines", type=int, default=200)
    args = parser.parse_args()
    for name in LINES:
        lines = {}
        source = stream(name, args.seed, True)
        while len(lines) < args.lines:
            line = generate.heldout_line(next(source))
            lines.setdefault(line["prompt"], line)
        folder = os.path.join(args.out, name)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "heldout.jsonl"), "w") as f:
            for line in sorted(lines.values(), key=lambda x: x["kind"]):
                f.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
