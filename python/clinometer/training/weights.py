"""The weights of a model in training: which of them move, in what precision, and what is kept in the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clinometer.errors import EncoderError, MissingExtraError, UsageError

__all__ = ["Weights"]


class Weights:
    """A loaded model whose first state is kept until training ends.

    Args:
        model: SentenceTransformer model.
        before: Its state before training, of all that can move.
        lora: Whether low-rank differences are trained in place of the weights.
    """

    def __init__(self, model: Any, before: dict[str, Any], lora: bool) -> None:
        self.model, self._before, self._lora = model, before, lora

    @classmethod
    def load(cls, name: str, *, freeze: str = "nothing", lora_rank: int | None = None) -> Weights:
        """Load a model and freeze what is not to move.

        Raises:
            EncoderError: There is no such model, or it cannot be loaded.
            UsageError: The model has no word embeddings to freeze, or no attention layers that peft knows.
            MissingExtraError: `lora_rank` without peft.
        """
        from sentence_transformers import SentenceTransformer

        try:
            model = SentenceTransformer(name)
        except (OSError, ValueError, KeyError) as error:
            first = str(error).strip().split("\n")[0]
            raise EncoderError(f"the model {name!r} cannot be loaded: {first}") from error
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

    def precision(self, wanted: str) -> str:
        """`float32` or `bfloat16`: what was wanted, or for `auto` what the processor does in hardware."""
        import torch

        if wanted != "auto":
            return wanted
        device = self.model.device.type
        if device == "cuda":
            return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
        probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        in_hardware = device == "cpu" and any(getattr(torch.cpu, name, lambda: False)() for name in probes)
        return "bfloat16" if in_hardware else "float32"

    def check_equal(self, checkpoint: Path) -> None:
        """Make sure that the best checkpoint was really loaded: the trainer only logs it if it was not.

        Raises:
            EncoderError: The model is in another state.
        """
        import torch
        from sentence_transformers import SentenceTransformer

        best = SentenceTransformer(str(checkpoint), device="cpu").state_dict()
        mine = self.model.state_dict()
        if set(best) != set(mine) or not all(torch.equal(best[key], mine[key].cpu()) for key in best):
            raise EncoderError(f"the best checkpoint, {checkpoint}, could not be loaded again; look at its files")

    def finish(self, blend: float) -> None:
        """Fold low-rank differences into the weights, and move all of them back towards the first state.

        Args:
            blend: 1 keeps the trained state, 0 the first one.
        """
        import torch

        if self._lora:
            _fold_lora(self.model[0].auto_model)
        after = self.model.state_dict()
        with torch.no_grad():
            for key, first in self._before.items():
                if first.is_floating_point() and blend != 1:
                    after[key].copy_(first + blend * (after[key] - first))
        self.model.requires_grad_(True)
        self.model.eval()


def _add_lora(model: Any, transformer: Any, rank: int) -> None:
    try:
        from peft import LoraConfig, TaskType
    except ImportError:
        raise MissingExtraError("LoRA", "lora") from None
    if transformer is None:
        raise UsageError("this model has no transformer that LoRA could be added to; leave lora_rank out")
    try:
        model.add_adapter(LoraConfig(task_type=TaskType.FEATURE_EXTRACTION, r=rank, lora_alpha=2 * rank))
    except ValueError as error:
        raise UsageError(f"peft knows no layers of this model: {str(error).splitlines()[0]}") from error


def _fold_lora(transformer: Any) -> None:
    """Each adapted layer becomes a plain one again, its difference added to its weights."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, layer in list(transformer.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            layer.merge()
            parent = transformer.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], layer.get_base_layer())
    transformer._hf_peft_config_loaded = False
    del transformer.peft_config
