"""Exact match on held-out lines and perplexity, from the saved files only."""
import argparse
import collections
import json
import math
import os

import torch
import torch.nn.functional as F

import lora
import model as llama
import tokenizer


@torch.no_grad()
def greedy(net, prompts, end, limit=160):
    """prompts: B id lists of one length -> B completions without the end token."""
    past, ids = llama.Past(), torch.tensor(prompts)
    out, open_rows = [[] for _ in prompts], set(range(len(prompts)))
    for _ in range(min(limit, net.cfg["max_position_embeddings"] - ids.shape[1])):
        best = net(ids, past)[:, -1].argmax(-1)
        for i in list(open_rows):
            if best[i] == end:
                open_rows.discard(i)
            else:
                out[i].append(int(best[i]))
        if not open_rows:
            break
        ids = best[:, None]
    return out


def complete(net, tok, prompts, limit=160):
    """Prompt texts (without <|begin|>) -> completion texts, greedy."""
    begin, end = tok.special["<|begin|>"], tok.special["<|end|>"]
    groups, answers = collections.defaultdict(list), [None] * len(prompts)
    encoded = [[begin] + tok.encode(p) for p in prompts]
    for i, ids in enumerate(encoded):
        groups[len(ids)].append(i)
    for rows in groups.values():
        done = greedy(net, [encoded[i] for i in rows], end, limit)
        for i, ids in zip(rows, done):
            answers[i] = tok.decode(ids)
    return answers


def exact_match(net, tok, path):
    """Held-out file -> (kind -> (right, all), list of wrong (line, answer))."""
    with open(path) as f:
        lines = [json.loads(line) for line in f]
    answers = complete(net, tok, [x["prompt"] for x in lines])
    score, wrong = collections.defaultdict(lambda: [0, 0]), []
    for line, answer in zip(lines, answers):
        score[line["kind"]][0] += answer == line["expected"]
        score[line["kind"]][1] += 1
        if answer != line["expected"]:
            wrong.append((line, answer))
    return score, wrong


@torch.no_grad()
def perplexity(net, tok, path):
    """exp of the mean negative log likelihood of every token, one document a time."""
    with open(path) as f:
        documents = f.read().split("<|begin|>")[1:]
    total = count = 0
    for text in documents:
        ids = torch.tensor([[tok.special["<|begin|>"]] + tok.encode(text.rstrip("\n"))])
        ids = ids[:, :net.cfg["max_position_embeddings"]]
        loss = F.cross_entropy(net(ids)[0, :-1], ids[0, 1:], reduction="sum")
        total, count = total + loss.item(), count + ids.shape[1] - 1
    return math.exp(total / count), count


@torch.no_grad()
def coarsen(net, bits, group=32):
    """Round every matrix to `bits` bits, symmetric, one scale per `group` inputs."""
    top = 2 ** (bits - 1) - 1
    for p in net.parameters():
        if p.dim() == 2:
            w = p.view(p.shape[0], -1, group)
            scale = w.abs().amax(-1, keepdim=True) / (top + 0.5)
            q = (w / scale).round().clamp(-top - 1, top)
            p.copy_((q * scale).view_as(p))


def report(score):
    """Print one line a kind and the total."""
    for kind, (right, n) in sorted(score.items()):
        print(f"{kind:16} {right:4}/{n:<4} {100 * right / n:6.1f} %")
    right, n = (sum(x) for x in zip(*score.values()))
    print(f"{'all':16} {right:4}/{n:<4} {100 * right / n:6.1f} %")


def main():
    """Evaluate a model folder, with or without an adapter."""
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=os.path.join(here, "../hearth"))
    parser.add_argument("--adapter", help="folder of a LoRA adapter")
    parser.add_argument("--heldout", help="held-out file; the model's own when absent")
    parser.add_argument("--bits", type=int, help="first round the weights to so many bits")
    parser.add_argument("--wrong", type=int, default=0, help="print so many wrong answers")
    parser.add_argument("--prompt", help="only complete this prompt")
    args = parser.parse_args()
    torch.set_num_threads(1)
    net, tok = llama.load(args.model), tokenizer.load(args.model)
    if args.bits:
        coarsen(net, args.bits)
    if args.adapter:
        lora.attach(net, args.adapter)
    if args.prompt:
        print(complete(net, tok, [args.prompt])[0])
        return
    path = args.heldout or os.path.join(args.adapter or args.model, "heldout.jsonl")
    score, wrong = exact_match(net, tok, path)
    report(score)
    for line, answer in wrong[:args.wrong]:
        print(json.dumps({**line, "answer": answer}, ensure_ascii=False))
    if not args.adapter and not args.heldout:
        value, count = perplexity(net, tok, os.path.join(args.model, "eval.txt"))
        print(f"perplexity of eval.txt {value:.4f} over {count} tokens")


if __name__ == "__main__":
    main()
