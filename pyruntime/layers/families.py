"""Every family of layers: importing this files their functions in `registry.LAYERS`."""

from pyruntime.layers import binary as binary
from pyruntime.layers import compare as compare
from pyruntime.layers import control as control
from pyruntime.layers import conv as conv
from pyruntime.layers import custom as custom
from pyruntime.layers import detection as detection
from pyruntime.layers import gather as gather
from pyruntime.layers import gemm as gemm
from pyruntime.layers import joins as joins
from pyruntime.layers import move as move
from pyruntime.layers import norm as norm
from pyruntime.layers import padding as padding
from pyruntime.layers import pool as pool
from pyruntime.layers import random as random
from pyruntime.layers import reduce as reduce
from pyruntime.layers import resize as resize
from pyruntime.layers import rnn as rnn
from pyruntime.layers import scan as scan
from pyruntime.layers import scatter as scatter
from pyruntime.layers import sequences as sequences
from pyruntime.layers import shapes as shapes
from pyruntime.layers import slices as slices
from pyruntime.layers import softmax as softmax
from pyruntime.layers import sort as sort
from pyruntime.layers import unary as unary
