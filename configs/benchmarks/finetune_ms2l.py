# Fine-tuning of MS2L: like its linear evaluation, but the encoder is also trained.
_base_ = './linear_ms2l.py'

model = dict(frozen=False)
