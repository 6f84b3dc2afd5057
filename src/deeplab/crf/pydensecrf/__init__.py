"""A stand-in for the package pydensecrf: change the imports, and code for it runs on our engine.

    import deeplab.crf.pydensecrf.densecrf as dcrf
    from deeplab.crf.pydensecrf.utils import unary_from_softmax

Names, arguments, defaults and results are those of pydensecrf 1.0 (and pydensecrf2 1.1), its camel
case included. Arrays may have any layout and any float type. New code is better off with
`deeplab.crf.DenseCRF`, whose default normalisation is the one that DeepLab used; the default here
is pydensecrf's, NORMALIZE_SYMMETRIC.
"""
