"""Options of commands that encode: the encoder, its prompts, servers, existing embeddings, and remedies."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from clinometer.cli.completion import encoders, query_languages
from clinometer.cli.expansion import OptionGroup, option
from clinometer.cli.option_groups import without_none
from clinometer.errors import FormatError, UsageError
from clinometer.suggestions import one_of

__all__ = [
    "Adapter",
    "CorrectionFile",
    "EncoderOptions",
    "MaxLength",
    "Precomputed",
    "Prompts",
    "Remedy",
    "Server",
    "TruncateDim",
    "Vectors",
]

MaxLength = Annotated[int | None, option("N", "Longest input in tokens.", "--max-length", min=1)]
TruncateDim = Annotated[
    int | None,
    option(
        "N",
        "Number of first components that are used, for models trained so (Matryoshka); all by default.",
        "--truncate-dim",
        panel="Encoder",
        min=1,
    ),
]
Adapter = Annotated[
    Path | None,
    option(
        "FILE|DIR",
        "Adapter of the embeddings, from clinometer train --adapter, or its folder.",
        "--adapter",
        panel="Remedies",
    ),
]
CorrectionFile = Annotated[
    Path | None,
    option(
        "NPZ",
        "Correction from clinometer correct, or its folder; applied after the adapter.",
        "--correction",
        panel="Remedies",
    ),
]


@dataclass(frozen=True)
class Prompts(OptionGroup):
    """Prompts of queries and documents."""

    panel = "Prompts"

    query_prompt: Annotated[str | None, option("TEXT", "Text before each query; by default the model's own.")] = None
    document_prompt: Annotated[str | None, option("TEXT", "Text before each document; by default the model's own.")] = (
        None
    )


@dataclass(frozen=True)
class Server(OptionGroup):
    """Options of encoders behind a URL; keys come from the environment only."""

    panel = "Encoder on a server"

    model: Annotated[str | None, option("NAME", "Model name on the server.")] = None
    cache: Annotated[Path | None, option("DIR", "Folder for finished batches, from which a later run resumes.")] = None
    http: Annotated[
        list[str] | None,
        option(
            "NAME=VALUE",
            "Option of requests: concurrency, requests-per-minute, texts-per-minute, timeout, retries, "
            "encoding-format, query-fields or document-fields (JSON); may be repeated.",
        ),
    ] = None

    def __post_init__(self) -> None:
        self.arguments()

    def arguments(self) -> dict[str, Any]:
        """Arguments for `clinometer.encoder`.

        Raises:
            UsageError: `--http` has an unknown option, or an invalid value.

        Example:
            >>> Server(model="e5", http=["concurrency=4"]).arguments()["http"].concurrency
            4
            >>> Server(http=["speed=4"])
            Traceback (most recent call last):
            clinometer.errors.UsageError: --http speed=4: unknown option 'speed'; expected one of concurrency, ...
        """
        without_requests = without_none({"model": self.model, "cache": self.cache})
        if not self.http:
            return without_requests
        # Imported here so that commands without a server start at once.
        import msgspec

        from clinometer.contents import decode_json
        from clinometer.encoders.http import HttpOptions

        known = [field.encode_name for field in msgspec.structs.fields(HttpOptions)]
        values: dict[str, Any] = {}
        options = None
        for item in self.http:
            name, _, text = item.partition("=")
            if name not in known:
                raise UsageError(f"--http {item}: unknown option {name!r}; expected {one_of(name, known)}")
            try:
                fields = name.endswith("-fields")
                raw = text.encode(errors="replace")  # an argument may hold bytes that are not UTF-8
                values[name] = decode_json(raw, dict[str, Any], "", "{problem}") if fields else raw.decode()
                options = msgspec.convert(values, HttpOptions, strict=False)
            except (FormatError, msgspec.ValidationError) as error:
                problem = error.problem if isinstance(error, FormatError) else error
                raise UsageError(f"--http {item}: invalid value ({problem}); write NAME=VALUE") from None
        return without_requests | {"http": options}


@dataclass(frozen=True)
class EncoderOptions(OptionGroup):
    """An encoder and everything that changes its embeddings."""

    panel = "Encoder"

    encoder: Annotated[
        str | None,
        option(
            "E",
            "Encoder: offline (the default), a sentence-transformers model (name or folder) or http://HOST/v1; "
            "evaluate, geometry and correct also take precomputed, and evaluate bm25; for evaluate may be repeated.",
            autocompletion=encoders,
        ),
    ] = None
    batch_size: Annotated[int | None, option("N", "Texts in one forward pass or request; 32 by default.", min=1)] = None
    max_length: MaxLength = None
    precision: Annotated[
        str | None, option("bfloat16", "Precision; bfloat16 is faster and less exact, and is recorded.")
    ] = None
    device: Annotated[str | None, option("NAME", "Device, such as cpu or cuda:0.")] = None
    revision: Annotated[str | None, option("NAME", "Model revision (branch, tag or commit).")] = None
    truncate_dim: TruncateDim = None
    trust_remote_code: Annotated[
        bool, option(None, "Permission to run Python code that comes with the model.", "--trust-remote-code")
    ] = False
    query_task: Annotated[
        str | None, option("NAME", "Task of queries, for models with tasks; by default that of retrieval.")
    ] = None
    document_task: Annotated[str | None, option("NAME", "Task of documents, likewise.")] = None
    prompts: Prompts = Prompts()
    server: Server = Server()

    @property
    def name(self) -> str:
        """First argument of `clinometer.encoder`."""
        return self.encoder or "offline"

    def arguments(self) -> dict[str, Any]:
        """The other arguments of `clinometer.encoder` that are set.

        Example:
            >>> EncoderOptions(encoder="e5", max_length=9, prompts=Prompts(query_prompt="query: ")).arguments()
            {'max_length': 9, 'query_prompt': 'query: '}
        """
        values = {
            "batch_size": self.batch_size,
            "max_length": self.max_length,
            "precision": self.precision,
            "device": self.device,
            "revision": self.revision,
            "truncate_dim": self.truncate_dim,
            "trust_remote_code": self.trust_remote_code or None,
            "query_task": self.query_task,
            "document_task": self.document_task,
        }
        return without_none(values | asdict(self.prompts)) | self.server.arguments()

    def make(self) -> Any:
        """The encoder.

        Raises:
            UsageError: The encoder does not return embeddings, or an option has no effect on it.
        """
        from clinometer.encoders import encoder, require_embeddings

        result = encoder(self.name, **self.arguments())
        require_embeddings(result)
        return result


@dataclass(frozen=True)
class Vectors(OptionGroup):
    """Existing embeddings."""

    panel = "Existing embeddings"

    encoder: EncoderOptions = EncoderOptions()
    queries: Annotated[
        str | None,
        option(
            "NPY|STORE",
            "Embeddings of all queries, in order: .npy for --encoder precomputed; for evaluate also a store.",
        ),
    ] = None
    documents: Annotated[str | None, option("NPY|STORE", "Embeddings of all documents, in order, likewise.")] = None


@dataclass(frozen=True)
class Precomputed(Vectors):
    """An encoder, or two arrays of its embeddings."""

    def __post_init__(self) -> None:
        arrays = self.queries, self.documents
        if self.encoder.name == "precomputed" and None in arrays:
            raise UsageError("--encoder precomputed needs --queries FILE.npy and --documents FILE.npy")
        if self.encoder.name != "precomputed" and arrays != (None, None):
            raise UsageError("--queries and --documents are for --encoder precomputed")

    def make(self) -> Any:
        """The encoder, or one with the rows of the arrays."""
        from clinometer.encoders import PrecomputedEncoder, encoder

        if self.queries is not None and self.documents is not None:
            return encoder(PrecomputedEncoder.from_files(self.queries, self.documents), **self.encoder.arguments())
        return self.encoder.make()


@dataclass(frozen=True)
class Remedy(OptionGroup):
    """Remedies after the encoder, for `clinometer.cli.remedies`."""

    panel = "Remedies"

    adapter: Adapter = None
    correction: CorrectionFile = None
    query_languages: Annotated[
        str | None,
        option(
            "MODE",
            "Languages of queries for the correction: given (the default), unknown, or identify (not for stores).",
            autocompletion=query_languages,
        ),
    ] = None
