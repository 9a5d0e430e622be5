# CMD (ECCV 2022, https://arxiv.org/abs/2208.12448), Sec. 4.1: three modalities, and distillation
# between all of them, in six directions. Queue, projection and schedule are those of MoCo.
# python tools/train.py configs/cmd/cmd.py --data ntu60_xsub --encoder bigru
# (cmd_pkummd2.py has the longer schedule of PKU-MMD II)
_base_ = '../moco/moco.py'

model = dict(
    modalities=('joint', 'motion', 'bone'),
    distill_head=dict(
        type='CMDHead',
        topk=8192,
        teacher_temperature=0.05,
        student_temperature=0.1,
        loss_weight=1.0,
    ),
)
small = dict(model=dict(distill_head=dict(topk=512)))
