"""Small networks with lmnt-com/diffwave's names, as PyTorch and Lightning save them.

usage: python make.py FOLDER   (PyTorch 2.15.0, Lightning 2.6.6)
"""

import argparse
import pathlib
import sys

import lightning
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

out = sys.argv[1]
C, LAYERS, BANDS, SIZE, HIDDEN = 4, 2, 5, 8, 6


class Upsampler(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.ConvTranspose2d(1, 1, [3, 4], stride=[1, 2], padding=[1, 1])
        self.conv2 = torch.nn.ConvTranspose2d(1, 1, [3, 4], stride=[1, 2], padding=[1, 1])


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.dilated_conv = torch.nn.Conv1d(C, 2 * C, 3)
        self.diffusion_projection = torch.nn.Linear(HIDDEN, C)
        self.conditioner_projection = torch.nn.Conv1d(BANDS, 2 * C, 1)
        self.output_projection = torch.nn.Conv1d(C, 2 * C, 1)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.input_projection = torch.nn.Conv1d(1, C, 1)
        self.diffusion_embedding = torch.nn.Module()
        self.diffusion_embedding.projection1 = torch.nn.Linear(SIZE, HIDDEN)
        self.diffusion_embedding.projection2 = torch.nn.Linear(HIDDEN, HIDDEN)
        self.spectrogram_upsampler = Upsampler()
        self.residual_layers = torch.nn.ModuleList(Layer() for _ in range(LAYERS))
        self.skip_projection = torch.nn.Conv1d(C, C, 1)
        self.output_projection = torch.nn.Conv1d(C, 1, 1)

    def forward(self, x):
        return self.input_projection(x)


torch.manual_seed(1)
net = Net()
# Numbers that every type holds exactly, so that all files hold the same network.
with torch.no_grad():
    for p in net.parameters():
        p.copy_(torch.randint(-64, 64, p.shape) / 64)
state = net.state_dict()


def save(name, value, **options):
    torch.save(value, f"{out}/{name}", **options)


save("plain.pt", {"step": 7, "model": state})
save("bfloat16.pt", {"model": {k: v.bfloat16() for k, v in state.items()}})
save("half.pt", {"model": {k: v.half() for k, v in state.items()}})
save("legacy-bfloat16.pt", {"model": {k: v.bfloat16() for k, v in state.items()}}, _use_new_zipfile_serialization=False)
# One storage for all parameters, as FSDP and flat optimisers have it.
flat = torch.cat([v.reshape(-1) for v in state.values()])
views, at = {}, 0
for k, v in state.items():
    views[k] = flat[at : at + v.numel()].view(v.shape)
    at += v.numel()
save("one-storage.pt", {"model": views})
save("compiled.pt", {"model": torch.compile(net).state_dict()})
save("parallel.pt", {"model": torch.nn.DataParallel(net).state_dict()})
ema = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.999))
ema.update_parameters(net)
other = {k: v + 1 for k, v in state.items()}
save("average.pt", {"model": other, "ema": ema.state_dict()})
opt = torch.optim.AdamW(net.parameters(), lr=1e-3)
net(torch.randn(1, 1, 4)).sum().backward()
save(
    "optimiser.pt",
    {
        "epoch": 3,
        "state_dict": state,
        "optimizer": opt.state_dict(),
        "scaler": {},
        "loss": torch.tensor(0.5),
        "device": torch.device("cpu"),
        "dtype": torch.float32,
        "args": argparse.Namespace(rate=0.5),
        "out": pathlib.Path("runs/a"),
    },
)
save("module.pt", net)


class Lit(lightning.LightningModule):
    def __init__(self, rate=1e-3, name="run"):
        super().__init__()
        self.save_hyperparameters()
        self.generator = net

    def training_step(self, batch, i):
        return self.generator(batch[0]).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(2, 1, 4)))
trainer = lightning.Trainer(
    max_steps=1,
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(Lit(), data)
trainer.save_checkpoint(f"{out}/lightning.ckpt")
print(torch.__version__, lightning.__version__)
