"""Byte-level BPE as stored in a Hugging Face tokenizer.json; read and apply it."""
import json
import os
import re
import sys
import unicodedata

SPECIAL = ["<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
         r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def category_ranges(letter):
    """All code points of a general category as the inside of a regex class."""
    ranges, start = [], None
    for point in range(sys.maxunicode + 2):
        inside = (point <= sys.maxunicode
                  and unicodedata.category(chr(point)).startswith(letter))
        if inside and start is None:
            start = point
        if not inside and start is not None:
            ranges.append(f"\\U{start:08x}-\\U{point - 1:08x}")
            start = None
    return "".join(ranges)


def compile_split():
    """SPLIT for Python's own `re`, which has no \\p{...}."""
    pattern = SPLIT
    for letter in "LN":
        inside = category_ranges(letter)
        pattern = pattern.replace(f"\\p{{{letter}}}+", f"[{inside}]+")
        pattern = pattern.replace(f"|\\p{{{letter}}}|", f"|[{inside}]|")
        pattern = pattern.replace(f"\\p{{{letter}}}", inside)
    return re.compile(pattern)


def byte_alphabet():
    """GPT-2's table: byte value -> printable character."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {b: chr(b) for b in keep}, 0
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + extra)
            extra += 1
    return table


ALPHABET = byte_alphabet()
UNBYTE = {ch: b for b, ch in ALPHABET.items()}


def to_units(piece):
    """Text piece -> its bytes as characters of the alphabet."""
    return [ALPHABET[b] for b in piece.encode()]


class Tokenizer:
    """Encode text to ids and back."""

    def __init__(self, path):
        with open(path) as f:
            data = json.load(f)
        self.vocab = dict(data["model"]["vocab"])
        self.rank = {tuple(m.split(" ")): i for i, m in enumerate(data["model"]["merges"])}
        self.special = {t["content"]: t["id"] for t in data["added_tokens"]}
        self.name = {i: t for t, i in {**self.vocab, **self.special}.items()}
        self.mark = re.compile("(" + "|".join(map(re.escape, self.special)) + ")")
        self.split, self.cache = compile_split(), {}

    def merge(self, piece):
        """One pre-token -> ids."""
        units = to_units(piece)
        while len(units) > 1:
            pairs = list(zip(units, units[1:]))
            best = min(pairs, key=lambda p: self.rank.get(p, 1 << 30))
            if best not in self.rank:
                break
            units = apply_merge(units, best)
        return [self.vocab[u] for u in units]

    def encode(self, text):
        """Text, which may hold special tokens -> ids (no <|begin|> is added)."""
        ids = []
        for part in self.mark.split(text):
            if part in self.special:
                ids.append(self.special[part])
                continue
            for piece in self.split.findall(part):
                if piece not in self.cache:
                    self.cache[piece] = self.merge(piece)
                ids += self.cache[piece]
        return ids

    def decode(self, ids):
        """ids -> text; special tokens are written out."""
        out = bytearray()
        for i in ids:
            name = self.name[i]
            out += name.encode() if name in self.special else bytes(UNBYTE[ch] for ch in name)
        return out.decode("utf-8", errors="replace")


def apply_merge(units, pair):
    """Join every occurrence of the pair in a list of units."""
    out, i = [], 0
    while i < len(units):
        if i + 1 < len(units) and (units[i], units[i + 1]) == pair:
            out.append(units[i] + units[i + 1])
            i += 2
        else:
            out.append(units[i])
            i += 1
    return out


def load(folder):
    """Tokenizer of a model folder."""
    return Tokenizer(os.path.join(folder, "tokenizer.json"))
