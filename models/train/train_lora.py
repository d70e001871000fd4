"""Train one LoRA adapter on the frozen, BF16-rounded base model."""
import argparse
import math
import os
import time

import torch

import generate_adapters
import lora
import model as llama
import tokenizer
from packing import Packer
from train import CLIP, NOISE, add_noise, remove_noise, weighted_loss

LENGTH, ROWS, PEAK, WARMUP = 128, 16, 6e-3, 40
ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
# name -> (r, alpha, target modules, rslora)
ADAPTERS = {
    "orders": (8, 16, ALL, False),
    "innkeeper": (8, 16, ALL, False),
    "spoken": (4, 8, ("v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), True),
}


def rate(step, part, peak):
    """Learning rate: short warm-up, cosine to zero at part 1."""
    return peak * 0.5 * (1 + math.cos(math.pi * part)) * min(1.0, (step + 1) / WARMUP)


def run(net, packer, args):
    """Train the low-rank branches only, under weight noise as the base."""
    parameters = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=args.peak, betas=(0.9, 0.98), weight_decay=0.01)
    start, part, step = time.time(), 0.0, 0
    while part < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate(step, part, args.peak)
        shakes = add_noise(net, args.noise)
        loss = weighted_loss(net, packer.batch(ROWS))
        optimizer.zero_grad()
        loss.backward()
        remove_noise(shakes)
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        step += 1
        part = step / args.steps if args.steps else (time.time() - start) / (60 * args.minutes)
        if step % 20 == 0:
            print(step, round(time.time() - start, 1), round(loss.item(), 4), flush=True)


def main():
    """Train the named adapter and save it in the PEFT format."""
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=list(ADAPTERS))
    parser.add_argument("--model", default=os.path.join(here, "../hearth"))
    parser.add_argument("--out", help="adapter folder; below the model when absent")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--steps", type=int, help="length of the run, instead of minutes")
    parser.add_argument("--peak", type=float, default=PEAK, help="highest learning rate")
    parser.add_argument("--noise", type=float, default=NOISE,
                        help="weight noise, in deviations of a row")
    parser.add_argument("--start", help="adapter folder to go on from")
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    shape = ADAPTERS[args.name]
    out = args.out or os.path.join(args.model, "adapters", args.name)
    os.makedirs(out, exist_ok=True)
    net, tok = llama.load(args.model), tokenizer.load(args.model)
    lora.wrap(net, *shape)
    if args.start:
        lora.fill(net, args.start)
    source = generate_adapters.stream(args.name, args.seed, False)
    run(net, Packer(source, tok, LENGTH), args)
    lora.save(net, out, *shape)


if __name__ == "__main__":
    main()
