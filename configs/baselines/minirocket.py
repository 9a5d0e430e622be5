# MiniRocket (https://arxiv.org/abs/2012.08791) on raw coordinates, with a ridge classifier and
# without an encoder. It needs pip install 'mmcmd[baselines]'.
# python tools/test.py configs/baselines/minirocket.py --data DATA
_base_ = './time_warping.py'

test_evaluator = dict(_delete_=True, type='MiniRocketMetric')
