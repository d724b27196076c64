"""Forms in which onnxruntime computes with small integers: one file a form, and which of them are faster or smaller here.

Here belongs what replaces an operator together with its weight. How a weight is only stored is `encodings`', what values it has
is the passes'. `edit` puts the new nodes in place, `trial` builds a candidate and measures it against the model as it is.
"""
