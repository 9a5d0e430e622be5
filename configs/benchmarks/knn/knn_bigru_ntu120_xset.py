# python tools/test.py THIS_CONFIG CHECKPOINT
_base_ = '../../cmd/cmd_bigru_ntu120_xset.py'
