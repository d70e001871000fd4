"""Small talk, facts about the house, refusals and little stories."""
from commands import DEVICES, ROOMS, noun, polite
from wording import NAMES, clock, invented_word

# Each entry: (ways to say it, the one right answer).
CHAT = (
    (("hello", "hi", "hey", "hello there", "hi there", "good day", "greetings",
      "hey there", "hi hearth", "hello hearth"),
     "Hello! What can I do for you?"),
    (("good morning", "morning", "a good morning to you", "good morning hearth"),
     "Good morning! I hope you slept well."),
    (("good evening", "evening", "a good evening to you"),
     "Good evening! The house is ready for you."),
    (("good night", "sleep well", "night night", "good night hearth"),
     "Good night! I keep an eye on the house."),
    (("bye", "goodbye", "see you", "see you later", "bye bye", "until later"),
     "Goodbye! I will be here."),
    (("thanks", "thank you", "thanks a lot", "many thanks", "thank you very much",
      "great, thanks", "perfect, thank you", "that is nice of you", "well done"),
     "You are welcome."),
    (("who are you", "what are you", "what is your name", "tell me your name",
      "tell me who you are", "introduce yourself", "what do i call you"),
     "I am Hearth, the small voice of this house."),
    (("what can you do", "what do you do", "how can you help me", "help",
      "what can i ask you", "what are you good for", "tell me what you can do"),
     "I can switch lamps, set heaters, move blinds, keep timers and tell you how the "
     "house is."),
    (("how are you", "how are you doing", "are you well", "how do you feel",
      "is everything fine with you", "how is it going"),
     "I am well, and the house is quiet."),
    (("what is the weather like", "how is the weather", "will it rain",
      "is it raining", "is it sunny outside", "what is the weather today",
      "do i need an umbrella"),
     "I cannot see the sky, but I can tell you about the rooms."),
    (("are you a robot", "are you human", "are you a person", "are you alive",
      "are you real", "are you a machine"),
     "I am a very small model cut into a chip."),
    (("how big are you", "how large are you", "how many weights do you have",
      "are you a big model", "how small are you"),
     "I have about one million weights, which is very small."),
    (("where do you live", "where are you", "where is your home"),
     "I live in a chip behind the kitchen wall."),
    (("who made you", "who built you", "where do you come from", "who trained you"),
     "I was trained from scratch on sentences about this house."),
    (("never mind", "forget it", "leave it", "it does not matter", "cancel that"),
     "All right, I leave it as it is."),
    (("are you listening", "are you there", "can you hear me", "do you hear me"),
     "Yes, I am listening."),
    (("sorry", "i am sorry", "oh sorry", "my mistake"), "No harm done."),
    (("do you sleep", "are you tired", "do you ever rest", "do you need a break"),
     "No, I stay awake all night."),
    (("i am cold", "it is cold in here", "i am freezing", "brr, it is cold"),
     "Tell me which room, and I will make it warmer."),
    (("i am hot", "it is hot in here", "it is too warm", "i am sweating"),
     "Tell me which room, and I will make it cooler."),
    (("it is dark in here", "it is dark", "i cannot see anything", "it is so dark"),
     "Tell me which room, and I will turn on the lamp."),
    (("i am bored", "this is boring", "i have nothing to do"),
     "Shall I tell you a story or a joke?"),
    (("i love you", "i like you", "you are great", "you are wonderful"),
     "That is kind. I like this house too."),
    (("you are stupid", "you are wrong", "that is wrong", "that was wrong"),
     "I am sorry. Please tell me again what you want."),
)
# Facts: (ways to ask, answer).
FACTS = (
    (("how many rooms does the house have", "how many rooms are there",
      "how many rooms do we have"), "The house has fourteen rooms."),
    (("how many floors does the house have", "how many floors are there",
      "how many storeys has the house"), "The house has three floors."),
    (("how old is the house", "when was the house built", "what year is the house from"),
     "The house was built in 1924."),
    (("where is the boiler", "where do i find the boiler"),
     "The boiler is in the cellar."),
    (("where is the fuse box", "where do i find the fuses", "where are the fuses"),
     "The fuse box is in the hall."),
    (("where is the ladder", "where do i find the ladder"),
     "The ladder is in the garage."),
    (("where is the first aid kit", "where do i find the first aid kit",
      "where are the plasters"), "The first aid kit is in the bathroom."),
    (("where are the spare keys", "where do i find the spare key"),
     "The spare keys are in the study."),
    (("where is the piano", "in which room is the piano"),
     "The piano is in the living room."),
    (("what colour is the front door", "which colour has the front door",
      "what color is the front door"), "The front door is green."),
    (("what colour is the roof", "which colour has the roof", "what color is the roof"),
     "The roof is red."),
    (("what grows in the garden", "which trees are in the garden",
      "what trees do we have"), "There are two apple trees in the garden."),
    (("what is the name of the cat", "how is the cat called", "who is the cat"),
     "The cat is called Ember."),
    (("where does the cat sleep", "where is the cat at night"),
     "The cat sleeps in the attic."),
    (("where is the wine", "where do we keep the wine"), "The wine is in the cellar."),
    (("where is the flour", "where do we keep the flour"), "The flour is in the pantry."),
    (("how big is the garden", "how large is the garden"),
     "The garden is forty steps long."),
    (("what is the coldest room", "which room is the coldest"),
     "The coldest room is the cellar."),
    (("what is the warmest room", "which room is the warmest"),
     "The warmest room is the kitchen."),
    (("what do you see in the attic", "what is in the attic"),
     "There are old books and a sledge in the attic."),
)
CHAT_LEAD = ("", "", "", "", "hey, ", "well, ", "so, ", "ok, ", "oh, ", "hm, ", "and ",
             "tell me, ", "one question, ", "say, ")
CHAT_TAIL = ("", "", "", ".", "!", "?", ", please", " now", ", my friend", " then")

JOKES = (
    "Why did the lamp go to school? It wanted to be brighter.",
    "Why is the window so calm? It sees through everything.",
    "What did the door say to the key? You turn me every time.",
    "Why do the stairs know all the news? They are always up to something.",
    "What is the favourite song of the kettle? Anything with steam.",
    "Why was the clock sent out? It tocked too much.",
    "Why did the fan win the race? It had many blades and one goal.",
    "What does the carpet say to the floor? Do not worry, I have you covered.",
    "Why is the cellar never sad? It is used to being low.",
    "What do you call a sleeping oven? A warm bed.",
)
ASK_JOKE = ("tell me a joke", "a joke please", "do you know a joke", "make me laugh",
            "another joke", "say something funny", "joke")
ASK_STORY = ("tell me a story", "a story please", "do you know a story",
             "read me a story", "tell a bedtime story", "i want to hear a story")


def chat(rng):
    """One exchange with one right answer -> (request, answer)."""
    asks, answer = rng.choice(CHAT + FACTS)
    ask = rng.choice(asks)
    return rng.choice(CHAT_LEAD) + ask + rng.choice(CHAT_TAIL), answer


def joke(rng):
    """A request for a joke -> (request, one of the jokes)."""
    ask = rng.choice(CHAT_LEAD) + rng.choice(ASK_JOKE) + rng.choice(CHAT_TAIL)
    return ask, rng.choice(JOKES)


def told_story(rng):
    """A request for a story -> (request, story)."""
    hero, text = story(rng)
    ask = rng.choice(ASK_STORY)
    if rng.random() < 0.5:
        ask += " about " + hero
    return rng.choice(CHAT_LEAD) + ask, text


def name_talk(rng):
    """Say a name, later ask for it -> list of (request, answer)."""
    name = rng.choice(NAMES) if rng.random() < 0.7 else invented_word(rng).capitalize()
    turns = [(rng.choice(("my name is {}", "i am {}", "i am called {}", "call me {}",
                          "hello, i am {}", "hi, my name is {}")).format(name),
              f"Nice to meet you, {name}.")]
    while rng.random() < 0.3:
        turns.append(chat(rng))
    turns.append((rng.choice(("what is my name", "who am i", "do you know my name",
                              "what did i say my name was")) + rng.choice(("", "?")),
                  f"Your name is {name}."))
    return turns


def repeat(rng):
    """Words to say back -> (request, answer); practises copying."""
    words = " ".join(invented_word(rng) if rng.random() < 0.6 else rng.choice(UNKNOWN)
                     for _ in range(rng.randrange(1, 6)))
    ask = rng.choice(("say {}", "repeat after me: {}", "repeat {}", "please say {}"))
    return ask.format(words), words


UNKNOWN = """helicopter submarine dragon rocket tractor trumpet elephant castle volcano
bicycle piano violin guitar drum train boat ship canoe bus truck motorbike scooter
spaceship telescope microscope cannon crane windmill lighthouse fountain carousel
aquarium parrot horse donkey camel tiger printer scanner typewriter
drone balloon kite sledge rollercoaster hammock swing trampoline chainsaw drill
lawnmower snowplough blender toaster mixer juicer grill smoker fridge freezer dishwasher
hairdryer iron projector jukebox accordion organ harp banjo flute whistle siren anchor
compass catapult tank plough wagon cart chariot ferry tram escalator elevator lift
conveyor turbine reactor laser magnet treadmill bathtub pool jacuzzi waterfall
campfire torch candle lantern chandelier mirror statue painting bookcase sofa armchair
cradle ladder barrel bucket broom shovel rake saw pump well bell gong""".split()
NO_ROOM = """stable tower dungeon library chapel greenhouse ballroom sauna barn shed
workshop bakery observatory temple palace cave tunnel harbour station
school hospital church museum theatre cinema bar pub shop bank airport castle igloo tent
lobby vault crypt cloister courtyard terrace patio balcony conservatory laundry""".split()
UNFIT = "lamp fan radio tv speaker kettle heater camera humidifier socket".split()
DONE = {"open": "opened", "close": "closed", "lock": "locked", "unlock": "unlocked"}
OUTSIDE = ("order {a} {f}", "book a flight to {c}", "book a table in {c}",
           "write {a} {w} for me", "call a taxi to {c}", "buy a ticket to {c}",
           "translate this {w}", "read my {w}", "send {a} {w} to {n}", "phone {n}",
           "play chess with {n}", "drive me to {c}", "solve this {w}", "cook {a} {f}",
           "sell my {w}", "who is the king of {c}", "how far is it to {c}",
           "how many people live in {c}", "show me pictures of {c}")
FOOD = "pizza soup cake curry salad burger sandwich pie stew omelette pancake".split()
WRITINGS = "letter poem essay report speech song novel code exam contract".split()
CITIES = """Paris Rome Berlin Vienna Prague Oslo Madrid London Lisbon Cairo Tokyo Delhi
Boston Zurich Athens Dublin Warsaw Geneva Hamburg Munich""".split()


def unknown_device(rng):
    """A device the house has not -> (request, answer, key)."""
    word = invented_word(rng) if rng.random() < 0.5 else rng.choice(UNKNOWN)
    n = noun(rng, word, rng.choice(ROOMS) if rng.random() < 0.6 else None)
    verb = rng.choice(("turn on {}", "turn off {}", "switch on {}", "start {}", "stop {}",
                       "open {}", "close {}", "switch off {}", "turn {} on", "turn {} off",
                       "lock {}", "set {} to 20", "run {}", "make {} louder"))
    return (polite(rng, verb.format(n), True),
            f"Sorry, there is no {word} in this house.", "no " + word)


def unknown_room(rng):
    """A room the house has not -> (request, answer, key)."""
    room = invented_word(rng) if rng.random() < 0.5 else rng.choice(NO_ROOM)
    device = rng.choice(list(DEVICES))
    action = rng.choice(DEVICES[device][1])
    verb = f"turn {action} {{}}" if action in ("on", "off") else action + " {}"
    text = verb.format(noun(rng, rng.choice(DEVICES[device][0]), room))
    return (polite(rng, text, True), f"Sorry, there is no {room} in this house.",
            "no " + room)


def unfit_action(rng):
    """Something the device cannot do -> (request, answer, key)."""
    device, action = rng.choice(UNFIT), rng.choice(list(DONE))
    room = rng.choice(ROOMS)
    text = f"{action} {noun(rng, rng.choice(DEVICES[device][0]), room)}"
    return (polite(rng, text, True), f"Sorry, the {device} cannot be {DONE[action]}.",
            f"{action} {device} {room}")


def outside(rng):
    """Nothing to do with the house -> (request, answer, key)."""
    food = rng.choice(FOOD)
    word = rng.choice(WRITINGS)
    text = rng.choice(OUTSIDE)
    thing = food if "{f}" in text else word
    text = text.format(a="an" if thing[0] in "aeo" else "a", f=food, w=word,
                       c=rng.choice(CITIES), n=rng.choice(NAMES))
    return polite(rng, text, True), "Sorry, I can only look after this house.", text


def refusal(rng):
    """A polite refusal with one right answer -> (request, answer, key)."""
    kind = rng.choices((unknown_device, unknown_room, unfit_action, outside),
                       (4, 2, 1.5, 1.5))[0]
    return kind(rng)


WHEN = ("Once upon a time", "Long ago", "One winter evening", "One summer day",
        "Many years ago", "One rainy morning", "Not so long ago", "In the autumn",
        "One day in spring", "On a cold night")
WHO = ("an old clockmaker", "a young baker", "a small girl", "a small boy", "a tired miller",
       "a grey cat", "a brave mouse", "a quiet painter", "a kind widow", "a lonely fox",
       "a little owl", "a curious dog", "a poor tailor", "a happy gardener")
HOMES = ("in a small house by the sea", "in a stone house at the edge of the forest",
         "in a narrow house near the mill", "in a warm house on the hill",
         "in an old house with a red roof", "under the roof of a big house",
         "in a wooden house behind the bridge")
LOSSES = ("lamp", "key", "clock", "letter", "ring", "book", "blanket", "bell", "lantern",
          "map", "silver spoon", "blue cup")
PLACES = ("under the stairs", "behind the oven", "in the cellar", "in the attic",
          "under the bed", "in the garden", "on the window sill", "behind the curtain",
          "in the pantry", "beside the door", "in the old chest")
HELPERS = ("a mouse", "the cat", "a neighbour", "an owl", "the wind", "a child",
           "the old dog", "a sparrow", "the moon")
FEELINGS = ("sad", "worried", "cold", "tired", "angry", "afraid")
ENDS = ("From that day on the house was never dark again.",
        "And that night everybody slept well.", "They drank tea and laughed until late.",
        "The fire burned all night and nobody was cold.",
        "Since then the door is always open for friends.",
        "And if you listen, you can still hear it today.")
WEATHER = ("It was raining", "The snow was falling", "The wind was blowing",
           "The sun was going down", "The moon was bright", "The fog was thick")


def story(rng):
    """A little story -> (hero such as `a cat named Mila`, text)."""
    name, who, lost = rng.choice(NAMES), rng.choice(WHO), rng.choice(LOSSES)
    she = rng.choice((("she", "her", "She"), ("he", "his", "He")))
    place, helper, feeling = rng.choice(PLACES), rng.choice(HELPERS), rng.choice(FEELINGS)
    middle = rng.choice((
        f"One evening the {lost} was gone. {name} looked {rng.choice(PLACES)} and "
        f"{rng.choice(PLACES)}, but the {lost} was not there. {name} was {feeling}.",
        f"{name} had {she[1]} own {lost} and loved it very much. But one night the {lost} "
        f"was gone, and {name} was {feeling}.",
        f"{rng.choice(WEATHER)}, and {name} was {feeling}, because the {lost} was lost.",
    ))
    turn = rng.choice((
        f"Then {helper} came to the door and said: \"I have seen the {lost} {place}.\"",
        f"\"Do not be {feeling},\" said {helper}. \"Look {place}.\"",
        f"Then {name} met {helper}, and {helper} knew where to look: {place}.",
    ))
    found = rng.choice((
        f"{name} ran there, and there was the {lost}.",
        f"{she[2]} looked {place}, and there it was.",
        f"And {place} {she[0]} found the {lost}.",
    ))
    begin = f"{rng.choice(WHEN)} there was {who} named {name}, who lived {rng.choice(HOMES)}."
    return f"{who} named {name}", " ".join((begin, middle, turn, found, rng.choice(ENDS)))


def description(rng):
    """Two to five plain sentences about the house."""
    lines = []
    for _ in range(rng.randrange(2, 6)):
        room, other = rng.sample(ROOMS, 2)
        a, b = rng.sample(NAMES, 2)
        lines.append(rng.choice((
            f"The {room} is {rng.choice(('warm', 'cold', 'quiet', 'bright', 'dark'))} "
            f"{rng.choice(('in the morning', 'in the evening', 'at night', 'in winter'))}.",
            f"{a} {rng.choice(('reads', 'sits', 'waits', 'works', 'sings'))} in the {room} "
            f"while {b} {rng.choice(('sleeps', 'cooks', 'paints', 'sweeps'))} in the {other}.",
            f"There is a {rng.choice(LOSSES)} {rng.choice(PLACES)}.",
            f"At {clock(rng)[0]} {a} goes from the {room} to the {other}.",
            f"The door between the {room} and the {other} is "
            f"{rng.choice(('open', 'closed', 'locked', 'green', 'old'))}.",
            f"In the {room} {a} keeps {rng.choice(('books', 'apples', 'tools', 'flowers'))}.",
            f"{rng.choice(WEATHER)}, so {a} lit the lamp in the {room}.",
        )))
    return " ".join(lines)
