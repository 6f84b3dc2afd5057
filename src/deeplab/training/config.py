"""How one run optimises, beyond the model and the data."""

from typing import Literal

from pydantic import BaseModel, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

Precision = Literal["32-true", "bf16-mixed"]


class TrainConfig(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """How one run optimises; the defaults are those of the published ResNet-101."""

    iterations: PositiveInt = 20_000
    """Optimiser steps."""
    batch_size: PositiveInt = 1
    """Crops in one forward and backward pass, on each device."""
    accumulate: PositiveInt = 10
    """Passes whose gradients are averaged before one step (Caffe's iter_size)."""
    optimiser: Literal["sgd", "adamw"] = "sgd"
    """Stochastic gradient descent with momentum in Caffe's form, as published, or AdamW."""
    base_lr: PositiveFloat = 2.5e-4
    """Learning rate of the backbone's weights at step 0."""
    backbone_bias_lr_multiplier: PositiveFloat = 2.0
    """Rate of the backbone's biases, relative to `base_lr`; they do not decay."""
    hidden_lr_multiplier: PositiveFloat = 1.0
    """Rate of the head's hidden layers (fc6, fc7), relative to `base_lr`; of their biases twice
    that. Published: 1, as they came from ImageNet like the backbone."""
    head_lr_multiplier: PositiveFloat = 10.0
    """Rate of the weights of the last layers, those with a row for each class, relative to
    `base_lr`."""
    head_bias_lr_multiplier: PositiveFloat = 20.0
    """Rate of the last layers' biases, relative to `base_lr`; they do not decay."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Momentum of SGD; first moment of AdamW."""
    weight_decay: NonNegativeFloat = 5e-4
    """Decay of weights; biases and batch norm do not decay."""
    schedule: Literal["poly", "step"] = "poly"
    """How the rate falls: `poly` as in the paper; `step` as in the first release of LargeFOV."""
    poly_power: NonNegativeFloat = 0.9
    """With `poly` the rate is multiplied by (1 - step / iterations) to this power, anew at every
    step."""
    step_factor: PositiveFloat = 0.1
    """With `step` the rate is multiplied by this every `step_iterations`."""
    step_iterations: PositiveInt = 2000
    """See `step_factor`."""
    warmup_iterations: NonNegativeInt = 0
    """Steps over which the rate rises linearly from 0; the paper has none."""
    batch_norm: Literal["frozen", "affine", "slow"] = "frozen"
    """`frozen`: statistics and affine parameters stay (published); `affine`: the statistics stay;
    `slow`: both learn, statistics with momentum 0.01."""
    freeze: tuple[str, ...] = ()
    """Modules of the backbone, by name, that do not learn; in the paper every layer learns."""
    loss_stride: PositiveInt = 8
    """Pixels between two positions at which the loss is taken; scores are interpolated there,
    labels decimated."""
    class_weights: (
        Literal["none", "auto", "median_frequency"] | tuple[float, ...] | dict[str, float]
    ) = "none"
    """How much the pixels of each class count in the loss: `none`: all alike; `auto`, which is
    `median_frequency`: rare classes more, by the median frequency over their own (0.1 to 10); a
    number for each class, in label order; or numbers by class name, others counting 1."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target spread over all classes."""
    max_gradient_norm: NonNegativeFloat = 0.0
    """Longer gradients are scaled back to this norm; 0: never."""
    average_decay: float = Field(default=0.0, ge=0, lt=1)
    """Decay per step of a running average of the weights, which is what is then scored and kept;
    0: none."""
    precision: Precision = "32-true"
    """Arithmetic of the forward and backward pass; weights and updates are float32 in either. On
    processors without bfloat16 `bf16-mixed` computes in float32 too."""
    checkpoint_activations: bool = False
    """Recompute activations on the way back to save memory: a step takes a third longer. For the
    backbones vgg16 and resnet50 or resnet101."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to train."""
    devices: PositiveInt = 1
    """How many devices share each step (distributed data parallel)."""
    num_workers: NonNegativeInt = 1
    """Processes that decode and cut crops, for each device; 0: the training process itself."""
    seed: NonNegativeInt = 0
    """Everything random follows from it."""
    log_every: PositiveInt = 20
    """Steps between two reports of loss and speed."""
    checkpoint_every: PositiveInt = 200
    """Steps between two checkpoints to resume from."""
    validate_every: PositiveInt = 1000
    """Steps between two scorings of the validation pictures."""
