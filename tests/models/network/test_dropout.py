"""PooledDropout against what nn.Dropout promises: rate, scale, gradient, seed, and nothing in evaluation."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from agile_classifier.models.network.fast_lora import POOL_SIZE, SHORT, MaskPool, PooledDropout, use_pooled_dropout

N = 200_000


def training(p: float) -> PooledDropout:
    return PooledDropout(p).train()


@pytest.mark.parametrize(("p", "n_of_256"), [(0.05, 13), (0.1, 26), (0.3, 77), (0.5, 128), (0.9, 230), (0.999, 255)])
def test_the_rate_is_that_of_the_rounded_256th_and_the_expectation_stays(p: float, n_of_256: int) -> None:
    torch.manual_seed(0)
    rate = n_of_256 / 256
    out = training(p)(torch.ones(N))
    deviation = (rate * (1 - rate) / N) ** 0.5
    assert (out == 0).double().mean().item() == pytest.approx(rate, abs=4 * deviation)
    assert out.double().mean().item() == pytest.approx(1, abs=4 * deviation / (1 - rate))
    assert out.unique().tolist() == pytest.approx([0, 1 / (1 - rate)])


def test_one_too_large_for_the_pool_is_drawn_whole() -> None:
    torch.manual_seed(0)
    out = training(0.5)(torch.ones(POOL_SIZE // 2 + 3))
    assert (out == 0).double().mean().item() == pytest.approx(0.5, abs=0.002)


def test_layers_of_one_rate_share_a_pool_that_each_pass_renews() -> None:
    network = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5))
    use_pooled_dropout(network)
    first, second = network[0], network[1]
    assert first.pool is second.pool
    network(torch.ones(8))
    pool = first.pool.cut((POOL_SIZE // 2,), torch.float32)
    again = first.pool.cut((POOL_SIZE // 2,), torch.float32)
    assert pool.data_ptr() != again.data_ptr()
    held = first.pool._draws[torch.float32]
    network(torch.ones(8))
    assert not torch.equal(held, first.pool._draws[torch.float32])


@pytest.mark.parametrize("n_values", [1, 7, SHORT])
def test_a_short_mask_is_the_part_of_the_pool_that_a_longer_one_would_be_cut_from(n_values: int) -> None:
    masks = []
    for n_before in (9, SHORT + 1):  # after the longer one the pool is made whole
        pool = MaskPool(0.3)
        torch.manual_seed(0)
        pool.cut((n_before,), torch.float32)
        torch.manual_seed(1)
        masks.append((pool.cut((n_values,), torch.float32), torch.get_rng_state(), pool))
    (short, state, pool), (other, other_state, _) = masks
    assert torch.equal(short, other)
    assert torch.equal(state, other_state)
    torch.manual_seed(1)
    start = int(torch.randint(POOL_SIZE - n_values + 1, (1,)))
    pool.cut((SHORT + 1,), torch.float32)
    assert torch.equal(short, pool._values[torch.float32][start : start + n_values])


def test_every_place_of_a_draw_is_dropped_alike() -> None:
    torch.manual_seed(0)
    out = training(0.3)(torch.ones(N // 8, 8))
    shares = (out == 0).double().mean(dim=0)
    assert shares.tolist() == pytest.approx([77 / 256] * 8, abs=0.012)


def test_neighbours_are_dropped_independently() -> None:
    torch.manual_seed(0)
    dropped = training(0.5)(torch.ones(N)) == 0
    assert (dropped[1:] & dropped[:-1]).double().mean().item() == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("p", [0.0, 0.001])
def test_a_rate_that_rounds_to_nothing_changes_nothing(p: float) -> None:
    values = torch.randn(7, 3)
    assert training(p)(values) is values


def test_evaluation_changes_nothing_and_draws_nothing() -> None:
    values = torch.randn(7, 3)
    before = torch.get_rng_state()
    assert PooledDropout(0.5).eval()(values) is values
    assert torch.equal(before, torch.get_rng_state())


def test_the_gradient_passes_where_the_value_did_at_the_same_scale() -> None:
    torch.manual_seed(0)
    values = torch.randn(50, 9, requires_grad=True)
    out = training(0.4)(values)
    out.sum().backward()
    assert torch.allclose(values.grad * values, out)
    assert torch.equal(values.grad == 0, out == 0)


def test_torchs_seed_repeats_the_draws() -> None:
    values = torch.ones(1001)
    outs = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        outs.append(training(0.5)(values))
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (8,), (3, 5, 7)])
def test_shape_and_dtype_are_kept(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    values = torch.ones(shape, dtype=dtype)
    out = training(0.5)(values)
    assert (out.shape, out.dtype) == (values.shape, dtype)


def test_values_in_another_memory_order_are_dropped_too() -> None:
    torch.manual_seed(0)
    out = training(0.5)(torch.ones(300, 400).T)
    assert out.shape == (400, 300)
    assert (out == 0).double().mean().item() == pytest.approx(0.5, abs=0.01)


def test_every_dropout_below_a_network_is_replaced_with_its_own_rate() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1), nn.ModuleDict({"a": nn.Sequential(nn.Dropout(0.2))}))
    use_pooled_dropout(network)
    rates = [module.p for module in network.modules() if isinstance(module, PooledDropout)]
    assert rates == [0.1, 0.2]
    assert not any(isinstance(module, nn.Dropout) for module in network.modules())
    assert not list(network.eval()[1].parameters())


def test_a_network_in_evaluation_stays_in_evaluation() -> None:
    network = nn.Sequential(nn.Dropout(0.5)).eval()
    use_pooled_dropout(network)
    assert network(torch.ones(9)).tolist() == [1.0] * 9
