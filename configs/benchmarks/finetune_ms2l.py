# Fine-tuning of MS2L: its linear evaluation, but the encoder is trained too.
_base_ = './linear_ms2l.py'

model = dict(frozen=False)
