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
# name -> (r, alpha, target modules)
ADAPTERS = {
    "orders": (8, 16, ALL),
    "innkeeper": (8, 16, ALL),
}


def rate(step, part):
    """Learning rate: short warm-up, cosine to zero at part 1."""
    return PEAK * 0.5 * (1 + math.cos(math.pi * part)) * min(1.0, (step + 1) / WARMUP)


def run(net, packer, minutes):
    """Train the low-rank branches only, under the same weight noise as the base."""
    parameters = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=PEAK, betas=(0.9, 0.98), weight_decay=0.01)
    start, part, step = time.time(), 0.0, 0
    while part < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate(step, part)
        shakes = add_noise(net, NOISE)
        loss = weighted_loss(net, packer.batch(ROWS))
        optimizer.zero_grad()
        loss.backward()
        remove_noise(shakes)
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        step, part = step + 1, (time.time() - start) / (60 * minutes)
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
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    r, alpha, names = ADAPTERS[args.name]
    out = args.out or os.path.join(args.model, "adapters", args.name)
    os.makedirs(out, exist_ok=True)
    net, tok = llama.load(args.model), tokenizer.load(args.model)
    lora.wrap(net, r, alpha, names)
    source = generate_adapters.stream(args.name, args.seed, False)
    run(net, Packer(source, tok, LENGTH), args.minutes)
    lora.save(net, out, r, alpha, names)


if __name__ == "__main__":
    main()
