# USDRL's plain encoder: the same streams with two layers of the original transformer each.
_base_ = './dste.py'
backbone = dict(dense=False)
