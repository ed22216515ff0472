"""A causal long convolution with HyenaDNA's interface, small enough to try every step with.

`write_tiny_model` copies this file into a folder of weights, where transformers finds it as the code
that comes with a model. It imports nothing of this package for that reason.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput


class HyenaConfig(PretrainedConfig):
    """Settings, by HyenaDNA's names."""

    model_type = "hyenadna"

    def __init__(
        self,
        d_model: int = 16,
        max_seq_len: int = 32_770,
        n_layer: int = 1,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        self.d_model = d_model
        self.max_seq_len = max_seq_len
        self.n_layer = n_layer
        self.vocab_size = 16
        super().__init__(**kwargs)


class _Layer(nn.Module):
    """Each channel is convolved with a decaying filter over all that lies before, and mixed."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.near = nn.Conv1d(width, width, 13, padding=12)
        self.decay = nn.Parameter(torch.linspace(-9.0, -2.0, width))
        self.mix = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        near = self.near(self.norm(x).transpose(1, 2))[..., :length]
        steps = torch.arange(length, device=x.device)
        kernel = torch.exp(-steps * self.decay.exp()[:, None])
        spectrum = torch.fft.rfft(near.float(), 2 * length) * torch.fft.rfft(kernel, 2 * length)
        far = torch.fft.irfft(spectrum, 2 * length)[..., :length] / length**0.5
        gated = torch.relu(near) + far
        return x + self.mix(gated.transpose(1, 2))


class HyenaDNAModel(PreTrainedModel):
    """Token IDs to one vector a base, each knowing what lies before it."""

    config_class = HyenaConfig

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.d_model)
        self.layers = nn.ModuleList(_Layer(config.d_model) for _ in range(config.n_layer))
        self.post_init()

    def forward(self, input_ids: Tensor) -> BaseModelOutput:
        """Return `last_hidden_state`, shape (samples, length, d_model)."""
        hidden = self.embeddings(input_ids)
        for layer in self.layers:
            hidden = layer(hidden)
        return BaseModelOutput(last_hidden_state=hidden)
