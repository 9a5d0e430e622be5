# python tools/test.py THIS_CONFIG CHECKPOINT
_base_ = '../../cmd/cmd_bigru_syntheticpku_xsub.py'
