"""The weights of a model in training: which are trained, in what precision, and what is kept at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clinometer.encoders.loading import load_model
from clinometer.errors import EncoderError, MissingExtraError, UsageError

__all__ = ["Weights"]


class Weights:
    """A loaded model whose initial state is kept until training ends; create one with `load`."""

    def __init__(self, model: Any, before: dict[str, Any], lora: bool) -> None:
        self.model, self._before, self._lora = model, before, lora

    @classmethod
    def load(cls, name: str, *, freeze: str = "nothing", lora_rank: int | None = None) -> Weights:
        """Load a model and freeze the weights that are not trained.

        Raises:
            EncoderError: The model does not exist, or cannot be loaded.
            UsageError: The model has no word embeddings to freeze, or no attention layers that peft supports.
            MissingExtraError: `lora_rank` without peft.
        """
        model = load_model(name).model
        transformer = getattr(model[0], "auto_model", None)
        if freeze == "embeddings":
            if transformer is None or not hasattr(transformer, "get_input_embeddings"):
                raise UsageError(f"{name} has no word embeddings that can be frozen; use freeze='nothing'")
            transformer.get_input_embeddings().weight.requires_grad_(False)
        frozen = {key for key, value in model.named_parameters() if not value.requires_grad}
        before = {key: value.detach().clone() for key, value in model.state_dict().items() if key not in frozen}
        if lora_rank is not None:
            _add_lora(model, transformer, lora_rank)
        return cls(model, before, lora_rank is not None)

    def precision(self, setting: str) -> str:
        """`float32` or `bfloat16`: the setting, or for `auto` what the processor supports in hardware."""
        import torch

        if setting != "auto":
            return setting
        device = self.model.device.type
        if device == "cuda":
            return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
        probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        in_hardware = device == "cpu" and any(getattr(torch.cpu, name, lambda: False)() for name in probes)
        return "bfloat16" if in_hardware else "float32"

    def check_equal(self, checkpoint: Path) -> None:
        """Check that the best checkpoint was loaded: if not, the trainer only logs it.

        Raises:
            EncoderError: The model has a different state.
        """
        import torch
        from sentence_transformers import SentenceTransformer

        checkpoint_state = SentenceTransformer(str(checkpoint), device="cpu").state_dict()
        model_state = self.model.state_dict()
        if set(checkpoint_state) != set(model_state) or not all(
            torch.equal(checkpoint_state[key], model_state[key].cpu()) for key in checkpoint_state
        ):
            raise EncoderError(f"the best checkpoint, {checkpoint}, could not be reloaded; check its files")

    def finish(self, blend: float) -> None:
        """Fold low-rank differences into the weights; `blend` is the share of the change that is kept, from 0 to 1."""
        import torch

        if self._lora:
            _fold_lora(self.model[0].auto_model)
        state = self.model.state_dict()
        with torch.no_grad():
            for key, initial in self._before.items():
                if initial.is_floating_point() and blend != 1:
                    state[key].copy_(initial + blend * (state[key] - initial))
        self.model.requires_grad_(True)
        self.model.eval()


def _add_lora(model: Any, transformer: Any, rank: int) -> None:
    try:
        from peft import LoraConfig, TaskType
    except ImportError:
        raise MissingExtraError("LoRA", "lora") from None
    if transformer is None:
        raise UsageError("this model has no transformer to add LoRA to; leave lora_rank out")
    try:
        model.add_adapter(LoraConfig(task_type=TaskType.FEATURE_EXTRACTION, r=rank, lora_alpha=2 * rank))
    except ValueError as error:
        raise UsageError(f"peft does not support the layers of this model: {str(error).splitlines()[0]}") from error


def _fold_lora(transformer: Any) -> None:
    """Replace each adapted layer with a plain one, its difference added to its weights."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, layer in list(transformer.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            layer.merge()
            parent = transformer.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], layer.get_base_layer())
    transformer._hf_peft_config_loaded = False
    del transformer.peft_config
