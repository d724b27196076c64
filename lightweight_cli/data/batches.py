"""Batches of inputs from --data: .npz, .npy, a test_data_set_N folder, or module.py:reader."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from lightweight_cli.data.conform import conform
from lightweight_cli.data.labels import KEYS, check_labels, join_labels, label_key, load_labels, load_numpy, missing_file
from lightweight_cli.data.reader import read_module
from lightweight_cli.data.split import split
from lightweight_cli.data.spool import IN_MEMORY, Spool
from lightweight_cli.errors import InputError, printable
from lightweight_cli.runtime.sessions import Interface, Port


class Batch(NamedTuple):
    """One call of the model."""

    feed: dict[str, Any]
    samples: int
    sliceable: tuple[str, ...] = ()
    """Inputs whose leading axis counts samples and is free: fewer can be fed."""
    kind: str = ""
    """Of synthetic inputs: what they look like."""


@dataclass
class Batches:
    """Batches that can be gone through more than once, and the labels of their samples, in order."""

    parts: list[Iterable[Batch]]
    labels: np.ndarray | None = None
    count: int | None = None
    """Batches to go through; None: all."""
    of: int | None = None
    """Samples there were, where only a portion of them is meant."""
    meant: int | None = None
    """Samples of that portion."""
    fresh: bool | None = None
    """Where samples that select were to be kept apart from those that confirm: whether there were enough of them."""
    synthetic: bool = False
    spools: list[Spool] = field(default_factory=list)

    def __iter__(self) -> Iterator[Batch]:
        return itertools.islice(itertools.chain.from_iterable(self.parts), self.count)

    def close(self) -> None:
        """Delete temporary files."""
        for spool in self.spools:
            spool.close()


def open_batches(paths: Sequence[str], model: Interface, *, labels: str | None = None,
                 batch_size: int | None = None, memory: int = IN_MEMORY, ignore_labels: bool = False) -> Batches:
    """Open evaluation data for the inputs of `model`; labels in the files may be ignored, whatever they are.

    What a reader gives is kept, beyond `memory` bytes on the disk.

    Raises: InputError for what is missing, damaged, or does not fit the inputs.
    """
    ports = {p.name: p for p in (*model.inputs, *model.overridable)}
    batches, found = Batches([], count=0), []
    for path in paths:
        file, _, function = path.rpartition(":")
        if file.endswith(".py") and function.isidentifier():
            spool, own = _read(file, function, model, ports, memory, ignore_labels)
            batches.spools.append(spool)
            part: Sequence[Batch] | Spool = spool
        elif error := missing_file(path):
            raise error
        elif os.path.isdir(path):
            part, own = _folder(path, model), None
        else:
            part, own = _arrays(path, model, ports, batch_size, ignore_labels)
        batches.parts.append(part)
        batches.count = (batches.count or 0) + len(part)
        found.append(own)
    samples = sum(b.samples for part in batches.parts for b in part)
    if not batches.count:
        raise InputError(f"{printable(', '.join(paths))}: no batches in there")
    if ignore_labels:
        return batches
    if labels is not None:
        batches.labels, where = load_labels(labels), printable(labels)
    elif any(own is not None for own in found):
        if any(own is None for own in found):
            raise InputError("some of the data files have labels and some have none")
        batches.labels, where = join_labels([own for own in found if own is not None]), "labels"
    if batches.labels is not None:
        match_count(batches.labels, samples, where)
    return batches


def match_count(labels: np.ndarray, samples: int, where: str = "labels") -> None:
    """Raise InputError unless there is one label a sample."""
    if len(labels) != samples:
        raise InputError(f"{where}: {len(labels):,} labels for {samples:,} samples of data")


def feed_batches(feeds: Iterable[Mapping[str, Any]], model: Interface, where: str = "data",
                 labels: np.ndarray | None = None) -> Batches:
    """Return batches of ready feeds, each a dict by input name.

    Raises: InputError.
    """
    ports = {p.name: p for p in (*model.inputs, *model.overridable)}
    spool, own = _spooled(feeds, model, ports, where)
    own = check_labels(np.asarray(labels), "labels") if labels is not None else own
    if own is not None:
        match_count(own, sum(b.samples for b in spool))
    return Batches([spool], own, len(spool), spools=[spool])


def sample_count(feed: Mapping[str, Any]) -> int:
    """Return the common length of all leading axes, or 1 when they differ."""
    lengths = {v.shape[0] for v in feed.values() if isinstance(v, np.ndarray) and v.ndim}
    return lengths.pop() if len(lengths) == 1 else 1


def _arrays(path: str, model: Interface, ports: dict[str, Port],
            batch_size: int | None, ignore_labels: bool) -> tuple[list[Batch], np.ndarray | None]:
    """Batches of a .npz, or of a .npy for a model with one input, and the labels in it."""
    leave_out = tuple(k for k in KEYS if k not in ports) if ignore_labels else ()
    loaded, where, own = load_numpy(path, leave_out), printable(path), None
    if not isinstance(loaded, dict):
        if len(model.inputs) != 1:
            raise InputError(f"{where}: a .npy holds one input, but the model has {len(model.inputs)}: "
                             f"{_names(ports)}; give a .npz keyed by these")
        loaded = {model.inputs[0].name: loaded}
    if (key := label_key(loaded, tuple(ports))) is not None:
        own = check_labels(loaded.pop(key), where)
    _check_names(loaded, model, ports, where)
    made = split(loaded, model, ports, where, batch_size)
    return [Batch(feed, samples, sliceable) for feed, samples, sliceable in made], own


def _folder(path: str, model: Interface) -> list[Batch]:
    """Batches of test data as onnx's backend tests keep it: a folder of input_K.pb, or folders of these."""
    if not os.path.exists(os.path.join(path, "input_0.pb")):
        folders = sorted(glob.glob(os.path.join(glob.escape(path), "test_data_set_*")), key=lambda p: (len(p), p))
        if not folders and model.inputs:
            raise InputError(f"{printable(path)}: no input_0.pb and no test_data_set_0 in this folder")
        return [batch for folder in folders for batch in _folder(folder, model)] or [Batch({}, 1)]
    feed, ports = {}, (*model.inputs, *model.overridable)
    files = glob.glob(os.path.join(glob.escape(path), "input_*.pb"))
    for port, index in zip(ports, range(len(files)), strict=False):
        file = os.path.join(path, f"input_{index}.pb")
        value = _read_proto(file, port)
        if value is not None:
            feed[port.name] = conform(value, port, printable(file))
    if len(files) > len(ports):
        raise InputError(f"{printable(path)}: {len(files)} inputs, but the model has {len(ports)}")
    _check_names(feed, model, {p.name: p for p in ports}, printable(path))
    return [Batch(feed, sample_count(feed))]


def _read_proto(path: str, port: Port) -> Any:
    """Return the value in a .pb file: an array, a list of arrays, or None."""
    import onnx
    from onnx import numpy_helper

    try:
        with open(path, "rb") as file:
            data = file.read()
        if port.type.startswith("optional("):
            return numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
        if port.type.startswith("seq("):
            return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
        return numpy_helper.to_array(onnx.TensorProto.FromString(data))
    except OSError as error:
        raise InputError(f"{printable(path)}: {error.strerror or error}") from error
    except Exception as error:  # protobuf's DecodeError and whatever a malformed tensor makes numpy raise
        raise InputError(f"{printable(path)}: not a serialized {printable(port.type)}") from error


def _read(file: str, function: str, model: Interface, ports: dict[str, Port], memory: int,
          ignore_labels: bool) -> tuple[Spool, np.ndarray | None]:
    if error := missing_file(file):
        raise error
    return _spooled(read_module(file, function), model, ports, printable(f"{file}:{function}"), memory, ignore_labels)


def _spooled(feeds: Iterable[Mapping[str, Any]], model: Interface, ports: dict[str, Port],
             where: str, memory: int = IN_MEMORY, ignore_labels: bool = False) -> tuple[Spool, np.ndarray | None]:
    """Keep the feeds of an iterable that may not give them twice, and the labels among them."""
    spool, labels = Spool(memory), []
    for number, item in enumerate(feeds):
        if not isinstance(item, Mapping):
            raise InputError(f"{where}: batch {number} is {type(item).__name__}; it must be a dict by input name")
        arrays = {str(k): v for k, v in item.items()}
        if (key := label_key(arrays, tuple(ports))) is not None:
            own = arrays.pop(key)
            if not ignore_labels:
                labels.append(check_labels(np.asarray(own), where))
        _check_names(arrays, model, ports, where)
        feed = {k: conform(v, ports[k], where) for k, v in arrays.items()}
        spool.append(Batch(feed, sample_count(feed)))
    if labels and len(labels) != len(spool):
        raise InputError(f"{where}: {len(labels)} of {len(spool)} batches have labels")
    return spool, join_labels(labels) if labels else None


def _check_names(arrays: Mapping[str, Any], model: Interface, ports: dict[str, Port], where: str) -> None:
    unknown = next((k for k in arrays if k not in ports), None)
    if unknown is not None:
        raise InputError(f'{where}: "{printable(unknown)}" is no input of the model; inputs are {_names(ports)}, '
                         f"and labels are {', '.join(KEYS)}")
    missing = next((p.name for p in model.inputs if p.name not in arrays and not p.type.startswith("optional(")), None)
    if missing is not None:
        raise InputError(f'{where}: input "{printable(missing)}" is missing; the model needs {_names(ports)}')


def _names(ports: dict[str, Port]) -> str:
    return ", ".join(f'"{printable(name)}"' for name in list(ports)[:8]) + (", ..." if len(ports) > 8 else "")
