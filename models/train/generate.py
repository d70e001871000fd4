"""Generate the documents of the Hearth model: training, held-out, calibration, eval.

A document is a dict:
  turns  list of (role, text), or [("prose", text)] for plain text
  kind   what it practises
  keys   strings whose hashes decide whether it belongs to the held-out part
  fixed  true when the last answer is the only right one
"""
import argparse
import json
import os
import random

import commands as c
import talk
from wording import clock, held_out, invented_word, roughen

LAMPISH = [d for d in c.DEVICES if c.DEVICES[d][1] == c.SWITCH]


def document(kind, turns, keys, fixed=True):
    """Assemble a document dict."""
    return {"kind": kind, "turns": turns, "keys": keys, "fixed": fixed}


def exchange(rng, ask, answer):
    """Request and answer as two turns, the request slightly roughened."""
    return [("user", roughen(rng, ask)), ("assistant", answer)]


def command_key(command, text):
    """Meaning of a command; the wording instead where the meanings are few."""
    if "scene" in command or command.get("device") == "timer":
        return text
    return c.dumps(command)


def single(rng, room=0):
    """One request, one command."""
    command, text, order = c.any_command(rng, room)
    turns = exchange(rng, c.polite(rng, text, order), c.dumps(command))
    return document("command", turns, [command_key(command, text)])


JOIN = (" and ", " and ", " and then ", ", then ", ", and also ", " and also ")


def shared(rng):
    """One verb, two places or two devices -> (two commands, text)."""
    action = rng.choice(("on", "off", "open", "close"))
    fit = [d for d in c.DEVICES if action in c.DEVICES[d][1]]
    verb = f"turn {action}" if action in c.SWITCH else action
    word = {d: rng.choice(c.DEVICES[d][0]) for d in fit}
    if rng.random() < 0.5:
        device, (r1, r2) = rng.choice(fit), rng.sample(c.ROOMS, 2)
        n = f"the {word[device]} in the {r1} and {rng.choice(('', 'in '))}the {r2}"
        return [c.make(device, r, action) for r in (r1, r2)], f"{verb} {n}"
    d1, d2 = rng.sample(fit, 2)
    if rng.random() < 0.5:
        room = rng.choice(c.ROOMS)
        text = f"{verb} the {word[d1]} and the {word[d2]} in the {room}"
        return [c.make(d, room, action) for d in (d1, d2)], text
    r1, r2 = rng.choice(c.ROOMS), rng.choice(c.ROOMS)
    text = f"{verb} the {r1} {word[d1]} and the {r2} {word[d2]}"
    return [c.make(d1, r1, action), c.make(d2, r2, action)], text


def double(rng):
    """One request, a list of two commands."""
    if rng.random() < 0.35:
        pair, text = shared(rng)
        order = True
    else:
        (a, ta, order), (b, tb, _) = (some_command(rng), some_command(rng))
        pair, text = [a, b], ta + rng.choice(JOIN) + tb
    turns = exchange(rng, c.polite(rng, text, order), c.dumps(pair))
    return document("two-commands", turns, [command_key(p, text) for p in pair])


def some_command(rng):
    """A command for one half of a pair, mostly to a device in a named room."""
    return c.any_command(rng, rng.choice(c.ROOMS) if rng.random() < 0.85 else 0)


def again_change(rng, command):
    """`a bit brighter` after a setting -> (command, text) or None."""
    settings = [s for s in c.CHANGES if s in c.DEVICES[command["device"]][2]]
    if not settings or command["device"] == "oven":
        return None
    action, step, said = c.change_of(rng, settings[0])
    text = rng.choice(("{}", "{}", "make it {}", "{} please", "now {}", "no, {}"))
    return place_of(command, action, by=step), text.format(said)


def place_of(command, action, **more):
    """Command to the same device in the same room."""
    return c.make(command["device"], command.get("room"), action, **more)


def again_room(rng, command):
    """`and the one in the hall too` -> (command, text)."""
    room = rng.choice([r for r in c.ROOMS if r != command.get("room")])
    word = c.room_word(rng, room)
    text = rng.choice(("and the one in the {}", "and the one in the {} too",
                       "the {} one as well", "the same in the {}", "and in the {}",
                       "also in the {}", "no, i meant the one in the {}",
                       "not there, in the {}", "do the same in the {}",
                       "and the {} one too"))
    changed = dict(command)
    changed.pop("room", None)
    device = changed.pop("device")
    return {"device": device, "room": room, **changed}, text.format(word)


def again_opposite(rng, command):
    """`and off again` -> (command, text) or None."""
    device = command["device"]
    pair = c.DEVICES[device][1]
    action = rng.choice(pair)
    verb = {"on": "turn {} on", "off": "turn {} off"}.get(action, action + " {}")
    it = "them" if device in ("blinds", "curtains") else "it"
    if rng.random() < 0.3 and action in c.SWITCH:
        text = rng.choice((f"and {action} again", f"now {action}", f"{action} again"))
    else:
        text = verb.format(it) + rng.choice(("", " again", " now", " then"))
    return place_of(command, action), text


def again_value(rng, command):
    """`no, make it 60 percent` -> (command, text) or None."""
    setting = next((s for s in c.SAY_SET if s in command), None)
    if setting is None:
        return None
    value, said = c.setting_value(rng, command["device"], setting)
    text = rng.choice(("no, make it {}", "make it {}", "make that {}", "no, {}",
                       "change it to {}", "sorry, {}", "better {}", "i meant {}"))
    return {**command, setting: value}, text.format(said)


def again_time(rng, command):
    """`do that at 7 pm` -> (command, text) or None."""
    if {"at", "after_min", "for_min"} & set(command) or "by" in command:
        return None
    lead = rng.choice(("do that", "not now,", "the same", "but"))
    return timed(rng, command, lead)


def timed(rng, command, lead):
    """Add a time to an earlier command -> (command, text)."""
    said, at = clock(rng)
    if rng.random() < 0.5:
        return {**command, "at": at}, f"{lead} at {said}"
    said, minutes = c.duration(rng)
    return {**command, "after_min": minutes}, f"{lead} in {said}"


AGAIN = (again_change, again_room, again_room, again_opposite, again_value, again_time)


def follow(rng, command):
    """A request that needs the command before it -> (command, text)."""
    found = None
    while found is None:
        found = rng.choice(AGAIN)(rng, command)
    return found


def follow_up(rng):
    """A command and one or two requests that lean on it."""
    command, text, order = c.house_command(rng, 0 if rng.random() < 0.15
                                           else rng.choice(c.ROOMS))
    turns = exchange(rng, c.polite(rng, text, order), c.dumps(command))
    keys = [c.dumps(command)]
    for _ in range(1 if rng.random() < 0.7 else 2):
        command, text = follow(rng, command)
        turns += exchange(rng, c.polite(rng, text, False), c.dumps(command))
        keys.append(c.dumps(command))
    return document("follow-up", turns, keys)


def strange_state(rng):
    """State of a device outside the grammar, so that looking it up is the only way."""
    device = invented_word(rng) if rng.random() < 0.5 else rng.choice(talk.UNKNOWN)
    room = invented_word(rng) if rng.random() < 0.5 else rng.choice(talk.NO_ROOM)
    if rng.random() < 0.3:
        room = rng.choice(c.ROOMS)
    return device, room, rng.choice(("on", "off", "open", "closed", "locked"))


def device_state(rng):
    """One device's state -> (device, room, state word)."""
    if rng.random() < 0.3:
        return strange_state(rng)
    device = rng.choice(("lamp", "lamp", "lamp", "fan", "heater", "radio", "tv", "oven",
                         "window", "window", "door", "door", "gate", "camera", "kettle"))
    states = ("on", "off") if c.DEVICES[device][1] == c.SWITCH else ("open", "closed")
    if device in ("door", "gate"):
        states += ("locked",)
    return device, rng.choice(c.ROOMS), rng.choice(states)


def house_state(rng):
    """A random state of the house -> dict with temps, devices, time, here."""
    things = {}
    for _ in range(rng.randrange(1, 5)):
        device, room, state = device_state(rng)
        things[device, room] = state
    temps = {r: rng.randrange(5, 31) for r in rng.sample(c.ROOMS, rng.randrange(0, 3))}
    time = f"{rng.randrange(24):02d}:{rng.randrange(60):02d}" if rng.random() < 0.3 else None
    return {"things": things, "temps": temps, "time": time}


def state_text(rng, state):
    """Write a state as the system prompt does."""
    parts = [f"{room} {v} C" for room, v in state["temps"].items()]
    parts += [f"{room} {d} {s}" for (d, room), s in state["things"].items()]
    rng.shuffle(parts)
    if state["time"]:
        parts.insert(0, "time " + state["time"])
    return ", ".join(parts)


def ask_device(rng, state):
    """Question about one device -> (question, answer, key)."""
    (device, room), is_now = rng.choice(list(state["things"].items()))
    asked = rng.choice(("on", "off") if is_now in ("on", "off") else
                       ("open", "closed") + (("locked",) if device in ("door", "gate") else ()))
    words = c.DEVICES[device][0] if device in c.DEVICES else (device,)
    n = c.noun(rng, rng.choice(words).replace("lights", "light"), room)
    text = rng.choice((f"is {n} {asked}", f"is {n} {asked} now", f"{n}, is it {asked}",
                       f"did i leave {n} {asked}", f"tell me if {n} is {asked}",
                       f"what about {n}", f"how is {n}", f"what is the state of {n}",
                       f"tell me about {n}"))
    return text, f"The {room} {device} is {is_now}.", f"{device} {room} {is_now} {asked}"


def ask_temperature(rng, state):
    """Question about a room's temperature -> (question, answer, key) or None."""
    if not state["temps"]:
        return None
    room, v = rng.choice(list(state["temps"].items()))
    word = c.room_word(rng, room)
    text = rng.choice(("how warm is the {}", "how warm is it in the {}",
                       "what is the temperature in the {}", "how cold is it in the {}",
                       "temperature of the {}", "how many degrees in the {}"))
    return text.format(word), f"It is {v} C in the {room}.", f"{room} {v}"


def ask_time(rng, state):
    """Question about the time -> (question, answer, key) or None."""
    if not state["time"]:
        return None
    text = rng.choice(("what time is it", "how late is it", "what is the time",
                       "tell me the time", "do you have the time"))
    return text, f"It is {state['time']}.", state["time"]


def ask_unknown(rng, state):
    """Question about a device the state does not name -> (question, answer, key)."""
    device, room, is_now = device_state(rng)
    if (device, room) in state["things"]:
        return None
    n = c.noun(rng, device, room)
    text = rng.choice((f"is {n} {is_now}", f"what about {n}", f"how is {n}",
                       f"tell me if {n} is {is_now}"))
    return text, f"The {room} {device} is unknown to me.", f"{device} {room} unknown"


ASK_STATE = (ask_device, ask_device, ask_device, ask_device, ask_temperature, ask_temperature,
             ask_time, ask_unknown)


def question(rng, state):
    """Any question about the state -> (question, answer, key)."""
    found = None
    while found is None:
        found = rng.choice(ASK_STATE)(rng, state)
    text, answer, key = found
    lead = rng.choice(("", "", "", "hey, ", "tell me, ", "please, ", "so, ", "hearth, "))
    if text.startswith("tell"):
        lead = ""
    return lead + text + rng.choice(("", "?", "?", "?", " please")), answer, key


def state_question(rng):
    """System prompt with a state and one to three questions about it."""
    state = house_state(rng)
    turns, keys = [("system", state_text(rng, state))], []
    for _ in range(rng.choice((1, 1, 2, 3))):
        text, answer, key = question(rng, state)
        turns += exchange(rng, text, answer)
        keys.append(key)
    return document("state-question", turns, keys)


def here(rng):
    """System prompt names the room; commands without a room mean that room."""
    room = rng.choice(c.ROOMS)
    command, text, order = c.house_command(rng, None)
    placed = {"device": command.pop("device"), "room": room, **command}
    turns = [("system", "here " + room)]
    turns += exchange(rng, c.polite(rng, text, order), c.dumps(placed))
    return document("command", turns, [c.dumps(placed)])


def refusal(rng):
    """A request that cannot be met."""
    text, answer, key = talk.refusal(rng)
    return document("refusal", exchange(rng, text, answer), [key])


def small_talk(rng):
    """Small talk with one right answer."""
    x = rng.random()
    if x < 0.25:
        text, answer = talk.repeat(rng)
        return document("small-talk", exchange(rng, text, answer), [text])
    if x < 0.4:
        turns = [x for ask, reply in talk.name_talk(rng) for x in exchange(rng, ask, reply)]
        return document("small-talk", turns, [turns[0][1].lower()])
    text, answer = talk.chat(rng)
    return document("small-talk", exchange(rng, text, answer), [text])


def free_talk(rng):
    """Jokes and stories: many right answers."""
    text, answer = talk.joke(rng) if rng.random() < 0.5 else talk.told_story(rng)
    return document("free-talk", exchange(rng, text, answer), [text], fixed=False)


def prose(rng):
    """Plain text without any chat marks."""
    text = talk.story(rng)[1] if rng.random() < 0.6 else talk.description(rng)
    return document("prose", [("prose", text)], [text], fixed=False)


KINDS = {single: 24, double: 13, follow_up: 11, state_question: 15, here: 3, refusal: 13,
         small_talk: 12, free_talk: 2, prose: 4}
# The mix for going on from a trained model: more of what is learned last.
FINISH = {single: 18, double: 12, follow_up: 5, state_question: 45, here: 3, refusal: 7,
          small_talk: 11, free_talk: 1, prose: 3}
CHAINED = {single: 6, double: 2, follow_up: 3, refusal: 2, small_talk: 4, free_talk: 0.5}


def session(rng):
    """A long talk: several units after one another, at times under one state."""
    base = state_question(rng) if rng.random() < 0.3 else single(rng)
    turns, keys = list(base["turns"]), list(base["keys"])
    for _ in range(rng.randrange(1, 6)):
        unit = rng.choices(list(CHAINED), CHAINED.values())[0](rng)
        turns += unit["turns"]
        keys += unit["keys"]
    return document("session", turns, keys, fixed=False)


def any_document(rng, kinds):
    """A document of any kind, held out or not."""
    if rng.random() < 0.1:
        return session(rng)
    return rng.choices(list(kinds), kinds.values())[0](rng)


def is_held_out(doc):
    """True when any part of the document belongs to the held-out combinations."""
    return any(held_out(key) for key in doc["keys"])


def stream(seed, held, kinds=KINDS):
    """Endless documents of the training part (held False) or the held-out part."""
    rng = random.Random(seed)
    while True:
        doc = any_document(rng, kinds)
        if is_held_out(doc) == held:
            yield doc


def render(turns):
    """Chat format without <|begin|>, including the final <|end|>."""
    if turns[0][0] == "prose":
        return turns[0][1] + "<|end|>"
    return "".join(f"<|{role}|>{text}<|end|>" for role, text in turns)


def heldout_line(doc):
    """Prompt and expected completion of the last answer, or None when too long."""
    answer = doc["turns"][-1][1]
    prompt = render(doc["turns"][:-1]) + "<|assistant|>"
    return {"prompt": prompt, "expected": answer, "kind": doc["kind"]}


QUOTA = {"command": 180, "two-commands": 90, "follow-up": 90, "state-question": 80,
         "refusal": 50, "small-talk": 50}


def heldout_set(seed):
    """The held-out lines, in the numbers of QUOTA, without repeats.

    The last answer itself must be the held-out one (its key is the last key).
    """
    left, seen, lines = dict(QUOTA), set(), []
    for doc in stream(seed, True):
        if not any(left.values()):
            return lines
        kind = doc["kind"]
        if not doc["fixed"] or not left.get(kind) or not held_out(doc["keys"][-1]):
            continue
        line = heldout_line(doc)
        if line["prompt"] not in seen:
            seen.add(line["prompt"])
            lines.append(line)
            left[kind] -= 1


def text_file(seed, held, size):
    """About `size` characters of documents, one after the other, with <|begin|>."""
    out, total = [], 0
    for doc in stream(seed, held):
        out.append("<|begin|>" + render(doc["turns"]))
        total += len(out[-1]) + 1
        if total >= size:
            return "\n".join(out) + "\n"


def main():
    """Write heldout.jsonl, calibration.txt and eval.txt into the model folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "../hearth"))
    parser.add_argument("--seed", type=int, default=20)
    args = parser.parse_args()
    with open(os.path.join(args.out, "heldout.jsonl"), "w") as f:
        for line in sorted(heldout_set(args.seed), key=lambda x: x["kind"]):
            f.write(json.dumps(line, ensure_ascii=False) + "\n")
    with open(os.path.join(args.out, "calibration.txt"), "w") as f:
        f.write(text_file(args.seed + 1, False, 30000))
    with open(os.path.join(args.out, "eval.txt"), "w") as f:
        f.write(text_file(args.seed + 2, True, 60000))


if __name__ == "__main__":
    main()
