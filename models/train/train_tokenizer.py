"""Learn the byte-pair merges and write the Hugging Face tokenizer files."""
import argparse
import collections
import json
import os

import generate
from tokenizer import SPECIAL, SPLIT, ALPHABET, apply_merge, compile_split, to_units

VOCAB = 1024
TEMPLATE = ("{{ bos_token }}{% for message in messages %}"
            "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
            "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}")


def count_words(seed, documents):
    """Pre-token -> count over the text of the first documents of a stream."""
    split, counts = compile_split(), collections.Counter()
    source = generate.stream(seed, False)
    for _ in range(documents):
        for _, text in next(source)["turns"]:
            counts.update(split.findall(text))
    return counts


def pair_table(words):
    """words: list of (units, count) -> pair counts and pair -> word numbers."""
    counts, where = collections.Counter(), collections.defaultdict(set)
    for i, (units, n) in enumerate(words):
        for pair in zip(units, units[1:]):
            counts[pair] += n
            where[pair].add(i)
    return counts, where


def learn(words, merges):
    """Greedy BPE: the commonest pair first, ties to the smaller pair."""
    counts, where = pair_table(words)
    learned = []
    while len(learned) < merges:
        best = min(counts, key=lambda p: (-counts[p], p))
        learned.append(best)
        for i in sorted(where.pop(best)):
            units, n = words[i]
            for pair in zip(units, units[1:]):
                counts[pair] -= n
            units = apply_merge(units, best)
            words[i] = (units, n)
            for pair in zip(units, units[1:]):
                counts[pair] += n
                where[pair].add(i)
        del counts[best]
    return learned


def added_tokens(first):
    """The special tokens in Hugging Face form, ids from `first`."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True}
    return [{"id": first + i, "content": t, **flags} for i, t in enumerate(SPECIAL)]


def tokenizer_json(learned):
    """The complete tokenizer.json as a dict."""
    tokens = sorted(ALPHABET.values()) + [a + b for a, b in learned]
    bos = {"SpecialToken": {"id": SPECIAL[0], "type_id": 0}}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False,
                  "use_regex": False}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": added_tokens(len(tokens)),
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Isolated",
             "invert": False}, byte_level]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [bos, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [bos, {"Sequence": {"id": "A", "type_id": 0}},
                     {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {SPECIAL[0]: {"id": SPECIAL[0], "ids": [len(tokens)],
                                            "tokens": [SPECIAL[0]]}}},
        "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {t: i for i, t in enumerate(tokens)},
                  "merges": [f"{a} {b}" for a, b in learned]},
    }


def tokenizer_config(first):
    """tokenizer_config.json as a dict."""
    decoder = {str(t.pop("id")): t for t in added_tokens(first)}
    return {"added_tokens_decoder": decoder, "add_bos_token": True, "add_eos_token": False,
            "bos_token": SPECIAL[0], "eos_token": SPECIAL[1], "pad_token": SPECIAL[1],
            "unk_token": None, "chat_template": TEMPLATE,
            "clean_up_tokenization_spaces": False, "model_max_length": 512,
            "additional_special_tokens": SPECIAL[2:],
            "tokenizer_class": "PreTrainedTokenizerFast"}


def write(folder, name, data):
    """Write one JSON file."""
    with open(os.path.join(folder, name), "w") as f:
        json.dump(data, f, indent=1, ensure_ascii=False)
        f.write("\n")


def main():
    """Learn on generated documents and write three files."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "../hearth"))
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--documents", type=int, default=60000)
    args = parser.parse_args()
    counts = count_words(args.seed, args.documents)
    words = [(to_units(w), n) for w, n in sorted(counts.items())]
    data = tokenizer_json(learn(words, VOCAB - 256 - len(SPECIAL)))
    write(args.out, "tokenizer.json", data)
    write(args.out, "tokenizer_config.json", tokenizer_config(VOCAB - len(SPECIAL)))
    write(args.out, "special_tokens_map.json", {
        "bos_token": SPECIAL[0], "eos_token": SPECIAL[1], "pad_token": SPECIAL[1],
        "additional_special_tokens": SPECIAL[2:]})


if __name__ == "__main__":
    main()
