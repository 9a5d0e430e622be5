_base_ = './cmd_pkummd2.py'
