"""House commands: what can be asked, how it is said, and the JSON that answers it.

A command is a dict in canonical key order:
device, room, action, setting (brightness, celsius, ...), at / after_min / for_min.
"""
import json

from wording import NAMES, clock, duration, invented_word, number

ROOMS = """kitchen hall bedroom bathroom cellar attic study garage nursery pantry
porch""".split() + ["living room", "dining room", "guest room"]
ROOM_ALSO = {"cellar": ["basement"], "attic": ["loft"], "study": ["office"],
             "hall": ["hallway", "corridor"], "living room": ["lounge"],
             "bathroom": ["bath"], "nursery": ["kids room"]}

SWITCH, DOORLIKE, RUN = ("on", "off"), ("open", "close"), ("start", "stop")
LOCKED = DOORLIKE + ("lock", "unlock")
# device -> (words for it, plain actions, settings)
DEVICES = {
    "lamp": (("lamp", "light", "lamp", "lights"), SWITCH, ("brightness", "color")),
    "heater": (("heater", "heating", "radiator"), SWITCH, ("celsius",)),
    "fan": (("fan", "ventilator"), SWITCH, ("speed",)),
    "blinds": (("blinds", "shutters"), DOORLIKE, ("percent",)),
    "curtains": (("curtains", "drapes"), DOORLIKE, ()),
    "window": (("window",), DOORLIKE, ()),
    "door": (("door",), LOCKED, ()),
    "radio": (("radio",), SWITCH, ("volume",)),
    "tv": (("tv", "television", "telly"), SWITCH, ("volume",)),
    "speaker": (("speaker", "loudspeaker"), SWITCH, ("volume",)),
    "kettle": (("kettle",), SWITCH, ()),
    "oven": (("oven", "stove"), SWITCH, ("celsius",)),
    "vacuum": (("vacuum", "hoover", "vacuum cleaner"), RUN, ()),
    "sprinkler": (("sprinkler",), RUN, ()),
    "camera": (("camera",), SWITCH, ()),
    "socket": (("socket", "plug", "outlet"), SWITCH, ()),
    "humidifier": (("humidifier",), SWITCH, ("percent",)),
    "coffee machine": (("coffee machine", "coffee maker"), RUN, ()),
    "washer": (("washer", "washing machine"), RUN, ()),
    "gate": (("gate",), LOCKED, ()),
}
DEVICE_WEIGHTS = [9, 5, 3, 4, 2, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]
COLORS = "red green blue yellow orange purple pink white warm cold".split()

# {n} is the noun phrase; templates of the second list cannot follow `could you`.
SAY = {
    "on": (["turn on {n}", "turn {n} on", "switch on {n}", "switch {n} on", "put {n} on",
            "power on {n}", "turn {n} back on"],
           ["{n} on", "i want {n} on", "{n} should be on", "i need {n}"]),
    "off": (["turn off {n}", "turn {n} off", "switch off {n}", "switch {n} off",
             "shut off {n}", "power off {n}", "kill {n}"],
            ["{n} off", "i want {n} off", "{n} should be off", "no more {n}"]),
    "open": (["open {n}", "open up {n}", "get {n} open"],
             ["{n} open", "i want {n} open", "{n} should be open"]),
    "close": (["close {n}", "shut {n}", "get {n} closed"],
              ["{n} closed", "i want {n} closed", "{n} should be closed"]),
    "lock": (["lock {n}", "lock up {n}", "get {n} locked"],
             ["{n} locked", "i want {n} locked"]),
    "unlock": (["unlock {n}", "get {n} unlocked"], ["{n} unlocked", "i want {n} unlocked"]),
    "start": (["start {n}", "run {n}", "get {n} going", "let {n} run"],
              ["{n} start", "{n} should run"]),
    "stop": (["stop {n}", "halt {n}", "let {n} stop"], ["{n} stop", "{n} should stop"]),
}
# setting -> (templates, spoken-only templates); {v} is the value.
SAY_SET = {
    "brightness": (["set {n} to {v}", "dim {n} to {v}", "put {n} at {v}",
                    "set the brightness of {n} to {v}", "bring {n} to {v}"],
                   ["{n} {v}", "{n} at {v}", "i want {n} at {v}"]),
    "color": (["make {n} {v}", "set {n} to {v}", "turn {n} {v}",
               "change the colour of {n} to {v}", "change the color of {n} to {v}"],
              ["{n} {v}", "i want {n} in {v}"]),
    "celsius": (["set {n} to {v}", "put {n} at {v}", "heat {n} to {v}",
                 "set the temperature of {n} to {v}", "bring {n} to {v}"],
                ["{n} {v}", "{n} at {v}", "i want {n} at {v}"]),
    "speed": (["set {n} to speed {v}", "run {n} at speed {v}", "put {n} on level {v}",
               "set the speed of {n} to {v}"], ["{n} speed {v}", "{n} at level {v}"]),
    "percent": (["set {n} to {v}", "put {n} at {v}", "bring {n} to {v}"],
                ["{n} {v}", "{n} at {v}", "i want {n} at {v}"]),
    "volume": (["set the volume of {n} to {v}", "set {n} to volume {v}",
                "put {n} on volume {v}", "turn {n} to volume {v}"],
               ["{n} volume {v}", "{n} at volume {v}"]),
}
# setting -> (word up, word down, steps: a bit / plain / a lot, unit)
CHANGES = {
    "brightness": ("brighter", "darker", (10, 20, 40), "percent"),
    "celsius": ("warmer", "cooler", (1, 2, 5), "degrees"),
    "volume": ("louder", "quieter", (1, 2, 5), "steps"),
    "speed": ("faster", "slower", (1, 1, 2), "levels"),
}
BIT = ("a bit", "a little", "slightly", "a touch")
MUCH = ("much", "a lot", "far")
ASK = ("", "", "", "", "please ", "could you ", "can you ", "would you ", "hey, ",
       "hearth, ", "ok, ", "i would like you to ", "could you please ", "now ",
       "can you please ", "would you mind to ", "be so kind and ", "quick, ", "go and ")
TELL = ("", "", "", "hey, ", "hearth, ", "ok, ", "please, ", "so, ")
TAIL = ("", "", "", "", "", " please", ", please", ", thanks", " now", ".", "!",
        " for me", " thank you", ", will you?", " right away")


def dumps(answer):
    """Compact JSON, keys in the order given."""
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False)


def room_word(rng, room):
    """The room's own name or, at times, another word for it."""
    if room in ROOM_ALSO and rng.random() < 0.25:
        return rng.choice(ROOM_ALSO[room])
    return room


def noun(rng, word, room, terse=False):
    """Noun phrase for a device word, optionally placed in a room."""
    the = "" if terse else "the "
    if room is None:
        return the + word
    if room == "all":
        many = word if word.endswith("s") else word + "s"
        return rng.choice((f"all {many}", f"all the {many}", f"every {word}",
                           f"all {many} in the house", f"the {many} everywhere"))
    place = room_word(rng, room)
    if terse or rng.random() < 0.45:
        return f"{the}{place} {word}"
    return f"{the}{word} {rng.choice(('in', 'in', 'of'))} the {place}"


def pick_room(rng):
    """A room, now and then all rooms or none at all."""
    x = rng.random()
    return None if x < 0.08 else "all" if x < 0.14 else rng.choice(ROOMS)


def pick_device(rng):
    """A device name; the lamp is the commonest."""
    return rng.choices(list(DEVICES), DEVICE_WEIGHTS)[0]


def setting_value(rng, device, setting):
    """A value and how it is said -> (value, text)."""
    if setting == "color":
        color = rng.choice(COLORS)
        return color, color + (" white" if color in ("warm", "cold") else "")
    if setting == "celsius":
        return temperature(rng, device)
    if setting == "speed":
        v = rng.randrange(1, 7)
        return v, number(rng, v)
    if setting == "volume":
        v = rng.randrange(0, 31)
        return v, number(rng, v)
    return percentage(rng)


def temperature(rng, device):
    """Degrees for a heater or an oven -> (value, text)."""
    if device == "oven":
        v = rng.randrange(80, 251, 5)
        return v, number(rng, v) + rng.choice((" degrees", " C", ""))
    v = rng.randrange(12, 29)
    if rng.random() < 0.1:
        return v + 0.5, rng.choice((f"{v}.5 degrees", f"{v}.5 C",
                                    number(rng, v) + " and a half degrees"))
    return v, number(rng, v) + rng.choice((" degrees", " C", " degrees celsius"))


def percentage(rng):
    """A percentage -> (value, text)."""
    if rng.random() < 0.1:
        return rng.choice(((50, "half"), (100, "full"), (25, "a quarter")))
    v = rng.choice((rng.randrange(0, 101, 10), rng.randrange(5, 100, 5),
                    rng.randrange(1, 100)))
    if rng.random() < 0.3:
        return v, f"{v}%"
    return v, number(rng, v) + " percent"


def make(device, room, action, **more):
    """Command dict in canonical key order; no room key when room is None."""
    place = {} if room is None else {"room": room}
    return {"device": device, **place, "action": action, **more}


def phrase(rng, templates, word, room, value=""):
    """Fill one of the templates -> (text, is it an order that can follow `please`)."""
    orders, plain = templates
    if rng.random() < 0.72:
        return rng.choice(orders).format(n=noun(rng, word, room), v=value), True
    terse = rng.random() < 0.6 and room != "all"
    return rng.choice(plain).format(n=noun(rng, word, room, terse), v=value), False


def plain_command(rng, room=0):
    """Switch, open, lock or start something -> (command, text, is an order)."""
    room = pick_room(rng) if room == 0 else room
    device = pick_device(rng)
    words, actions, _ = DEVICES[device]
    action = rng.choice(actions)
    text, order = phrase(rng, SAY[action], rng.choice(words), room)
    return make(device, room, action), text, order


def set_command(rng, room=0):
    """Set a value -> (command, text, is an order)."""
    room = pick_room(rng) if room == 0 else room
    device = pick_device(rng)
    while not DEVICES[device][2]:
        device = pick_device(rng)
    words, _, settings = DEVICES[device]
    setting = rng.choice(settings)
    value, said = setting_value(rng, device, setting)
    text, order = phrase(rng, SAY_SET[setting], rng.choice(words), room, said)
    return make(device, room, "set", **{setting: value}), text, order


def change_of(rng, setting):
    """A relative change -> (action, step, text such as `a bit brighter`)."""
    up, down, steps, unit = CHANGES[setting]
    word, size = rng.choice((up, down)), rng.randrange(4)
    if size == 3 and setting != "speed":
        step = rng.randrange(5, 60, 5) if setting == "brightness" else rng.randrange(2, 9)
        return word, step, f"{number(rng, step)} {unit} {word}"
    lead = (rng.choice(BIT) + " ", "", rng.choice(MUCH) + " ")[size % 3]
    return word, steps[size % 3], lead + word


def change_command(rng, room=0):
    """Make something brighter, warmer, ... -> (command, text, is an order)."""
    room = pick_room(rng) if room == 0 else room
    setting = rng.choice(list(CHANGES))
    device = rng.choice([d for d in DEVICES if setting in DEVICES[d][2] and d != "oven"])
    action, step, said = change_of(rng, setting)
    n = noun(rng, rng.choice(DEVICES[device][0]), room)
    text, order = rng.choice(((f"make {n} {said}", True), (f"turn {n} {said}", True),
                              (f"i want {n} {said}", False), (f"{n} {said}", False)))
    return make(device, room, action, by=step), text, order


def with_time(rng, command, text):
    """Add a time of day, a delay or a length -> (command, text)."""
    kind = rng.randrange(3)
    if kind == 0:
        said, at = clock(rng)
        command, said = {**command, "at": at}, "at " + said
    else:
        said, minutes = duration(rng)
        key, lead = (("after_min", "in "), ("for_min", "for "))[kind - 1]
        command, said = {**command, key: minutes}, lead + said
    if rng.random() < 0.2:
        return command, f"{said}, {text}"
    return command, f"{text} {said}"


def house_command(rng, room=0):
    """Any command to a device -> (command, text, is an order)."""
    kind = rng.choices((plain_command, set_command, change_command), (5, 4, 1.2))[0]
    command, text, order = kind(rng, room)
    if rng.random() < 0.22 and kind is not change_command:
        command, text = with_time(rng, command, text)
        order = order and not text.startswith(("at ", "in ", "for "))
    return command, text, order


def polite(rng, text, order):
    """Put a request into a sentence."""
    lead = rng.choice(ASK if order else TELL)
    tail = rng.choice(TAIL)
    if lead.startswith(("could", "can", "would")) and rng.random() < 0.6:
        tail = "?"
    return lead + text + tail


TASKS = ("call {name}", "write to {name}", "pick up {name}", "ask {name} about the {thing}",
         "water the {thing}", "buy {thing} and {thing2}", "buy {thing}", "feed the {thing}",
         "bring the {thing} to {name}", "clean the {thing}", "repair the {thing}",
         "pay for the {thing}", "look for the {thing}", "fetch {name} from the station",
         "take out the {thing}", "wash the {thing}", "thank {name}", "return the {thing}")
THINGS = """roses ferns tulips basil bread milk butter apples pears onions eggs flour salt
cat dog rabbit hens goldfish parrot bicycle boots carpet piano violin mirror letters
paper parcel rubbish laundry towels ladder chimney stairs fence hammer lantern keys
umbrella suitcase tickets medicine newspaper library book kite drum sledge""".split()


def thing(rng):
    """A thing to remember; every other one is an invented word."""
    return invented_word(rng) if rng.random() < 0.5 else rng.choice(THINGS)


def task(rng):
    """Free words for a reminder."""
    return rng.choice(TASKS).format(name=rng.choice(NAMES), thing=thing(rng),
                                    thing2=thing(rng))


def reminder(rng):
    """Reminder with copied words -> (command, text, is an order)."""
    words = task(rng)
    if rng.random() < 0.65:
        said, at = clock(rng)
        said, extra = "at " + said, {"at": at}
    else:
        said, minutes = duration(rng)
        said, extra = "in " + said, {"after_min": minutes}
    text, order = rng.choice((
        (f"remind me to {words} {said}", True), (f"remind me {said} to {words}", True),
        (f"set a reminder to {words} {said}", True), (f"reminder {said}: {words}", False),
        (f"{said} i have to {words}, remind me", False),
        (f"do not let me forget to {words} {said}", True)))
    return {"device": "reminder", "action": "set", "text": words, **extra}, text, order


LABELS = """tea eggs pasta bread rice cake pizza laundry soup nap homework sauna potatoes
bath stew exercise""".split()


def timer(rng):
    """Timer, with or without a label -> (command, text, is an order)."""
    said, minutes = duration(rng)
    label = invented_word(rng) if rng.random() < 0.5 else rng.choice(LABELS)
    if rng.random() < 0.15:
        text = rng.choice(("stop the {} timer", "cancel the {} timer", "end the {} timer"))
        return ({"device": "timer", "action": "stop", "label": label},
                text.format(label), True)
    command = {"device": "timer", "action": "start", "minutes": minutes}
    if rng.random() < 0.35:
        text = rng.choice(("set a timer for {}", "start a timer for {}", "timer {}",
                           "count down {}"))
        return command, text.format(said), not text.startswith("timer")
    text = rng.choice(("set a timer for {d} for the {w}", "start a {w} timer for {d}",
                       "{w} timer {d}", "set the {w} timer to {d}",
                       "start a timer called {w} for {d}", "timer for the {w}, {d}"))
    order = text.startswith(("set", "start"))
    return {**command, "label": label}, text.format(d=said, w=label), order


def alarm(rng):
    """Wake-up alarm -> (command, text, is an order)."""
    said, at = clock(rng)
    text, order = rng.choice((
        ("wake me up at {}", True), ("wake me at {}", True), ("set an alarm for {}", True),
        ("set the alarm to {}", True), ("alarm at {}", False),
        ("i have to get up at {}", False)))
    command = {"device": "alarm", "action": "set", "at": at}
    days, spoken = rng.choice(((None, ""), (None, ""), ("daily", " every day"),
                               ("weekdays", " on weekdays"), ("weekend", " at the weekend")))
    if days:
        command["days"] = days
    return command, text.format(said) + spoken, order


SCENES = {
    "night": ("night", ["i am going to bed", "bed time", "time to sleep"]),
    "away": ("away", ["i am leaving", "i am going out now", "we are off to work"]),
    "home": ("home", ["i am home", "i am back", "we are back home"]),
    "film": ("film", ["movie time", "we want to watch a film", "let us watch a film"]),
    "dinner": ("dinner", ["dinner is ready", "dinner time", "we are eating now"]),
    "party": ("party", ["let us have a party", "party time", "the guests are here"]),
    "reading": ("reading", ["i want to read", "reading time", "i am going to read a book"]),
}


def scene(rng):
    """A scene of the whole house -> (command, text, is an order)."""
    name = rng.choice(list(SCENES))
    word, spoken = SCENES[name]
    if rng.random() < 0.5:
        return {"scene": name}, rng.choice(spoken), False
    text = rng.choice(("start the {} scene", "set the house to {}", "switch to {} mode",
                       "activate {} mode", "set the {} scene"))
    return {"scene": name}, text.format(word), True


def any_command(rng, room=0):
    """One request of any sort -> (command, text, is an order)."""
    kind = rng.choices((house_command, reminder, timer, alarm, scene),
                       (10, 2, 1.4, 1.2, 0.4))[0]
    return kind(rng, room) if kind is house_command else kind(rng)
