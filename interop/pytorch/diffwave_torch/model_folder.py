"""Model folders: weights.safetensors and config.json. Mirrors src/model/folder.ts."""

import json
import os
from typing import Any

from torch import Tensor

from .fields import read_json
from .files import replacing
from .model_config import check_supported_prior, model_config
from .network import Network
from .safetensors import copy_parameters, read_safetensors, write_safetensors

WEIGHTS, CONFIG = "weights.safetensors", "config.json"


def write_model(folder: str, model: dict[str, Any], tensors: dict[str, Tensor], provenance: dict[str, Any]) -> None:
    """Writes the weights, then the config: a folder without a config does not count as a model. @raises OSError"""
    os.makedirs(folder, exist_ok=True)
    write_safetensors(os.path.join(folder, WEIGHTS), tensors)
    config = {"format": "diffwave", "version": 1, **model, "provenance": {**model.get("provenance", {}), **provenance}}
    with replacing(os.path.join(folder, CONFIG)) as file:
        file.write(json.dumps(config, indent=2, ensure_ascii=False) + "\n")


def read_model(folder: str) -> tuple[Network, dict[str, Any]]:
    """Reads a vocoder with a windowed front end: its network on the CPU, with its weights, and its config with all
    defaults. @raises ConfigError, CheckpointError, OSError"""
    model = model_config(read_json(os.path.join(folder, CONFIG)))
    check_supported_prior(model, "")
    network = Network.of_model(model)
    read_weights(folder, network)
    return network.eval(), model


def read_weights(folder: str, network: Network) -> None:
    """Copies a folder's weights into a network. @raises CheckpointError, OSError"""
    path = os.path.join(folder, WEIGHTS)
    copy_parameters(dict(network.named_parameters()), read_safetensors(path)[0], path)
