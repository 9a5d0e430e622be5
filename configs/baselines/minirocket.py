# MiniRocket (https://arxiv.org/abs/2012.08791) on the coordinates, with a ridge classifier: no
# encoder. Needs pip install 'mmcmd[baselines]'.
# python tools/test.py configs/baselines/minirocket.py --data DATA
_base_ = './time_warping.py'

test_evaluator = dict(_delete_=True, type='MiniRocketMetric')
