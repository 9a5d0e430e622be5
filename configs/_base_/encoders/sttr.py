# USDRL's plain encoder: the streams of dste.py, each with two layers of the original transformer.
_base_ = './dste.py'
backbone = dict(dense=False)
