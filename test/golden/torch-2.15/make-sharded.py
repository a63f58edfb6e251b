"""The network of plain.pt in several files, in the legacy format and as averages alone.

usage: python make-sharded.py FOLDER   (PyTorch 2.15.0, huggingface_hub 2.4.0, safetensors 0.8; FOLDER has plain.pt)
"""

import os
import sys

import torch
from huggingface_hub import save_torch_state_dict

out = sys.argv[1]
os.makedirs(f"{out}/sharded", exist_ok=True)
state = torch.load(f"{out}/plain.pt", weights_only=True)["model"]


def save(name, value, **options):
    torch.save(value, f"{out}/{name}", **options)


for safe in [True, False]:
    save_torch_state_dict(state, f"{out}/sharded", max_shard_size=800, safe_serialization=safe)
save("legacy.pt", {"step": 7, "model": state}, _use_new_zipfile_serialization=False)
# As AveragedModel and ema_pytorch name them.
average = {f"module.{k}": v for k, v in state.items()} | {"n_averaged": torch.tensor(1)}
save("average-alone.pt", {"ema_state_dict": average})
both = {f"ema_model.{k}": v + 1 for k, v in state.items()} | {f"online_model.{k}": v for k, v in state.items()}
save("online-and-average.pt", {"ema": both | {"initted": torch.tensor(True), "step": torch.tensor(3)}})
print(torch.__version__)
