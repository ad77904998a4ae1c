"""Training as a graph: a network's layers, their gradients and the optimizer's step become one plan.

recipe      what the file says: layers that learn, loss, optimizer
options     what the user says besides: TrainingOptions; schedule, its learning rate; checks, its sentences
adapters    low-rank adapters as layers of a copy of the network; dense, which layers can have one
results     what was learned, as weights of the file
split       the frozen part that runs once per example, and the layers that a step runs
builder     lowering with weights that are operands instead of constants
recurrent   recurrent operators in the form that learns
stack       mini-batches of networks whose blobs have any rank; stacking has one rule per operator
gradients   the way back; rules/ has one rule per operator
losses      loss and its gradient
optimizers  one step, and what it needs
program     all of it compiled for a size of mini-batch
trainer     a network that learns: features in, steps, weights
targets     class numbers, labels, arrays
features    what the frozen part made of each example
steps       buffers, and the runs of an epoch
"""
