"""A tiny random transformer that a test builds: one token for each word, weights from a seed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from clinometer.training.data import ParallelItem
from support.languages import LANGUAGES

WORDS = [f"{kind}{number}" for kind in LANGUAGES for number in range(24)]
DIMENSION = 16


def build(folder: Path, *, normalize: bool = True, seed: int = 0, dropout: float = 0.0) -> Any:
    """A SentenceTransformer of one BERT layer, on the CPU."""
    import sentence_transformers
    import tokenizers
    import torch
    import transformers
    from sentence_transformers.sentence_transformer import modules

    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    raw.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokens = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    made: Any = transformers.PreTrainedTokenizerFast
    made(tokenizer_object=raw, model_max_length=32, **tokens).save_pretrained(folder)
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=DIMENSION,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=0.5,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    transformers.BertModel(config).save_pretrained(folder)
    stack = [modules.Transformer(str(folder)), modules.Pooling(DIMENSION, "mean")]
    return sentence_transformers.SentenceTransformer(
        modules=[*stack, modules.Normalize()] if normalize else stack, device="cpu"
    )


def sentences(count: int, language: str = "en", seed: int = 1) -> list[str]:
    """Distinct texts; text i of one language uses the same word numbers as text i of another."""
    choose = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found[" ".join(f"{{}}{number}" for number in choose.choices(range(24), k=5))] = None
    return [text.format(*[language] * 5) for text in found]


def items(count: int = 24) -> list[ParallelItem]:
    """Parallel items: the question and the passage of one item use the same word numbers in each language."""
    texts = {
        language: list(
            zip(
                sentences(count, language, seed=1),
                [f"{text} {text}" for text in sentences(count, language, seed=2)],
                strict=True,
            )
        )
        for language in LANGUAGES
    }
    return [ParallelItem(f"page{row}#0", {name: pair[row] for name, pair in texts.items()}) for row in range(count)]
