"""Words, numbers, times and small surface variations shared by the generators."""
import hashlib

NAMES = """Anna Ben Clara David Emma Felix Greta Hugo Ida Jonas Karin Leo Mila Nora
Oscar Paula Quentin Rosa Simon Tilda Ulla Victor Wanda Xenia Yara Zeno Alma Bruno
Cecil Dora Edgar Fanny Gustav Helga Ivan Julia Konrad Lena Mark Nina Otto Petra
Robert Sofia Tom Ursula Vera Willem Agnes Basil Carla Dario Elsa Frida Georg Hanna
Iris Jakob Kira Lukas Maria Nils Olga Piet Ralf Sara Theo Alice Bob Carol Peter""".split()

ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen
fourteen fifteen sixteen seventeen eighteen nineteen""".split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()

SYLLABLES = """ba be bi bo ca co da de di do fa fi fo ga go ha he hi ka ki ko la le li
lo lu ma me mi mo na ne ni no pa pe pi po ra re ri ro sa se si so ta te ti to va ve vi
zo bran dell fert gorn hask jul kent lom marn nort pell quin rast sund torv ulm vort
wim yel zan""".split()


def held_out(key):
    """True for about one key in 25; the same answer on every machine."""
    return hashlib.md5(key.encode()).digest()[0] < 10


def number_words(n, hyphen=False):
    """0..250 in words, such as `twenty one`."""
    if n >= 100:
        head = ("one" if n < 200 else "two") + " hundred"
        return head if n % 100 == 0 else head + " and " + number_words(n % 100, hyphen)
    if n < 20:
        return ONES[n]
    tail = "" if n % 10 == 0 else ("-" if hyphen else " ") + ONES[n % 10]
    return TENS[n // 10] + tail


def number(rng, n):
    """n as digits or as words."""
    if rng.random() < 0.5:
        return str(n)
    return number_words(n, rng.random() < 0.3)


def invented_word(rng):
    """A word that means nothing, to practise copying."""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((2, 2, 3))))


def part_of_day(hour):
    """`in the morning`, `in the afternoon` or `in the evening`."""
    if hour < 12:
        return "in the morning"
    return "in the afternoon" if hour < 18 else "in the evening"


def spoken_time(rng, hour, minute):
    """Hour and minute in words with the part of the day (minute a multiple of 5)."""
    name, after = ONES[hour % 12 or 12], ONES[(hour + 1) % 12 or 12]
    named = {0: rng.choice((name, name + " o'clock")), 15: "quarter past " + name,
             30: "half past " + name, 45: "quarter to " + after,
             5: "five past " + name, 10: "ten past " + name,
             20: "twenty past " + name, 40: "twenty to " + after,
             50: "ten to " + after, 55: "five to " + after}
    text = named.get(minute, name + " " + number_words(minute))
    return text + " " + part_of_day(hour)


def clock(rng):
    """A time of day -> (text to follow `at`, "HH:MM")."""
    hour = rng.choice((6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23))
    minute = rng.choice((0, 0, 0, 15, 30, 30, 45, 5, 10, 20, 40, 50))
    style = rng.randrange(6)
    if style == 0 and rng.random() < 0.3:
        return rng.choice((("noon", "12:00"), ("midnight", "00:00")))
    if style <= 1:
        minute = rng.randrange(60)
        text = f"{hour}:{minute:02d}"
    elif style == 2:
        text = f"{hour % 12 or 12}{'' if minute == 0 else f':{minute:02d}'}"
        text += rng.choice((" ", "")) + ("am" if hour < 12 else "pm")
    elif style == 3 and hour < 12 and minute == 0:
        text = rng.choice((ONES[hour], ONES[hour] + " o'clock", str(hour)))
    else:
        text = spoken_time(rng, hour, minute)
    return text, f"{hour:02d}:{minute:02d}"


def duration(rng):
    """A length of time -> (text such as `ten minutes`, minutes)."""
    fixed = (("an hour", 60), ("half an hour", 30), ("a quarter of an hour", 15),
             ("two hours", 120), ("an hour and a half", 90), ("one minute", 1),
             ("three hours", 180))
    if rng.random() < 0.2:
        return rng.choice(fixed)
    n = rng.choice((5, 10, 15, 20, 25, 30, 40, 45, 50, rng.randrange(2, 60)))
    return number(rng, n) + rng.choice((" minutes", " minutes", " min")), n


TYPO_WORDS = set("""turn switch please could would kitchen bedroom bathroom cellar attic
study garage nursery pantry porch living dining guest lamp light lights heater window
door blinds curtains radio television speaker kettle oven vacuum camera socket open
close lock unlock start stop brighter darker warmer cooler louder quieter percent
degrees minutes temperature brightness volume reminder remind timer alarm hello thanks
morning evening what where colour""".split())


def typo(rng, word):
    """Swap, drop or double one inner letter."""
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2:]
    return word[:at] + word[at + 1:] if kind == 1 else word[:at] + word[at] + word[at:]


def roughen(rng, text):
    """Now and then one typing slip in a common word, or a capital first letter."""
    if rng.random() < 0.08:
        words = text.split(" ")
        spots = [i for i, w in enumerate(words) if w in TYPO_WORDS and len(w) > 3]
        if spots:
            i = rng.choice(spots)
            words[i] = typo(rng, words[i])
        text = " ".join(words)
    if rng.random() < 0.2:
        text = text[0].upper() + text[1:]
    return text
