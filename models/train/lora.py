"""LoRA adapters in the PEFT file format: create, save, attach."""
import json
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

import safetensors_io

PREFIX = "base_model.model."


class LoraLinear(nn.Module):
    """x (..., in) -> x W^T + scale x A^T B^T, (..., out); W stays frozen."""

    def __init__(self, base, r, scale):
        super().__init__()
        self.weight = nn.Parameter(base.weight.detach(), requires_grad=False)
        out_size, in_size = base.weight.shape
        self.lora_A = nn.Parameter(torch.empty(r, in_size))
        self.lora_B = nn.Parameter(torch.zeros(out_size, r))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.scale = scale

    def forward(self, x):
        low = F.linear(F.linear(x, self.lora_A), self.lora_B)
        return F.linear(x, self.weight) + low * self.scale


def targets(net, names):
    """The projections called by one of the names -> list of (path, parent, name)."""
    found = []
    for path, module in net.named_modules():
        for name, child in module.named_children():
            if name in names and isinstance(child, nn.Linear):
                found.append((f"{path}.{name}", module, name))
    return found


def wrap(net, r, alpha, names, rslora=False):
    """Freeze the model and put low-rank branches on the named projections.

    Their scale is alpha / r, with rslora alpha / sqrt(r) (arXiv:2312.03732).
    """
    net.requires_grad_(False)
    scale = alpha / (math.sqrt(r) if rslora else r)
    for _, parent, name in targets(net, names):
        setattr(parent, name, LoraLinear(getattr(parent, name), r, scale))


def branches(net):
    """PEFT key -> parameter, for every low-rank matrix of the model."""
    out = {}
    for path, module in net.named_modules():
        if isinstance(module, LoraLinear):
            out[f"{PREFIX}{path}.lora_A.weight"] = module.lora_A
            out[f"{PREFIX}{path}.lora_B.weight"] = module.lora_B
    return out


def save(net, folder, r, alpha, names, rslora=False):
    """Write adapter_config.json and adapter_model.safetensors (BF16)."""
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "auto_mapping": None,
        "base_model_name_or_path": "hearth", "revision": None,
        "r": r, "lora_alpha": alpha, "lora_dropout": 0.0, "bias": "none",
        "target_modules": list(names), "modules_to_save": None,
        "fan_in_fan_out": False, "inference_mode": True, "init_lora_weights": True,
        "layers_pattern": None, "layers_to_transform": None, "use_rslora": rslora,
        "use_dora": False, "rank_pattern": {}, "alpha_pattern": {},
    }
    with open(os.path.join(folder, "adapter_config.json"), "w") as f:
        json.dump(config, f, indent=2)
        f.write("\n")
    tensors = {k: v.detach().numpy() for k, v in branches(net).items()}
    safetensors_io.save(os.path.join(folder, "adapter_model.safetensors"), tensors, "BF16")


def attach(net, folder):
    """Load a saved adapter onto the model."""
    with open(os.path.join(folder, "adapter_config.json")) as f:
        config = json.load(f)
    wrap(net, config["r"], config["lora_alpha"], config["target_modules"],
         config["use_rslora"])
    fill(net, folder)


def fill(net, folder):
    """Copy the matrices of a saved adapter into the branches of a wrapped model."""
    stored = safetensors_io.load(os.path.join(folder, "adapter_model.safetensors"))
    parameters = branches(net)
    if stored.keys() != parameters.keys():
        raise ValueError("the adapter's keys do not fit the model")
    for key, array in stored.items():
        parameters[key].data.copy_(torch.from_numpy(array))
