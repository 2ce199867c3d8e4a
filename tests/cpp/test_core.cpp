// Shapes, promotion, storage and tensors without Python.
#include "core/error.h"
#include "core/shape.h"
#include "core/tensor.h"
#include "core/unlocked.h"

#include <functional>

#include "check.h"
#include "fake_host.h"

namespace rl {

namespace {

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.message();
  }
  return "";
}

TEST(broadcast_aligns_at_the_last_dimension) {
  Dims out;
  broadcast_sizes(Dims::of({2, 1, 3}).v, 3, Dims::of({4, 1}).v, 2, out);
  CHECK(out == Dims::of({2, 4, 3}));
  broadcast_sizes(Dims::of({0, 1}).v, 2, Dims::of({1, 5}).v, 2, out);
  CHECK(out == Dims::of({0, 5}));
  std::string text =
      message_of([&] { broadcast_sizes(Dims::of({2, 3}).v, 2, Dims::of({2, 4}).v, 2, out); });
  CHECK(
      text.starts_with("The size of tensor a (3) must match the size of tensor b (4) at "
                       "non-singleton dimension 1"));
}

TEST(numel_refuses_overflow_but_not_an_empty_dimension) {
  Dims huge = Dims::of({1LL << 40, 1LL << 40});
  CHECK(!message_of([&] { checked_numel(huge.v, huge.n); }).empty());
  huge.push(0);
  CHECK_EQ(checked_numel(huge.v, huge.n), 0);
}

TEST(view_strides_split_and_merge_only_where_memory_allows) {
  int64_t out[kMaxDims];
  const int64_t sizes[] = {2, 3}, rows[] = {3, 1}, columns[] = {1, 2};
  CHECK(view_strides(sizes, rows, 2, Dims::of({6}), out));
  CHECK_EQ(out[0], 1);
  CHECK(view_strides(sizes, rows, 2, Dims::of({3, 1, 2}), out));
  CHECK_EQ(out[0], 2);
  CHECK_EQ(out[2], 1);
  CHECK(!view_strides(sizes, columns, 2, Dims::of({6}), out));
  CHECK(view_strides(sizes, columns, 2, Dims::of({2, 1, 3}), out));
}

TEST(overlap_is_seen_through_any_order_of_strides) {
  const int64_t sizes[] = {2, 3}, columns[] = {1, 2}, expanded[] = {0, 1}, rows[] = {3, 1};
  CHECK(!may_overlap(sizes, rows, 2));
  CHECK(!may_overlap(sizes, columns, 2));
  CHECK(may_overlap(sizes, expanded, 2));
  CHECK(dense_non_overlapping(sizes, columns, 2));
  CHECK(!dense_non_overlapping(sizes, expanded, 2));
}

TEST(infer_size_replaces_one_unknown) {
  Dims sizes = Dims::of({-1, 3});
  infer_size(sizes, 6);
  CHECK(sizes == Dims::of({2, 3}));
  Dims bad = Dims::of({4, -1});
  CHECK_EQ(message_of([&] { infer_size(bad, 6); }),
           std::string("shape '[4, -1]' is invalid for input of size 6"));
  Dims twice = Dims::of({-1, -1});
  CHECK_EQ(message_of([&] { infer_size(twice, 6); }),
           std::string("only one dimension can be inferred"));
}

TEST(result_type_ranks_dimensions_before_categories) {
  ResultType scalar_does_not_widen;
  scalar_does_not_widen.add_tensor(DType::kFloat32, 1);
  scalar_does_not_widen.add_tensor(DType::kFloat64, 0);
  CHECK(scalar_does_not_widen.get() == DType::kFloat32);
  ResultType number_raises_category;
  number_raises_category.add_tensor(DType::kInt64, 2);
  number_raises_category.add_number(Category::kFloat);
  CHECK(number_raises_category.get() == default_dtype());
  ResultType tensors;
  tensors.add_tensor(DType::kInt64, 1);
  tensors.add_tensor(DType::kFloat64, 3);
  CHECK(tensors.get() == DType::kFloat64);
}

TEST(small_payloads_live_inside_the_storage) {
  auto small = Storage::allocate(Storage::kInline);
  auto* start = reinterpret_cast<char*>(small.get());
  auto* data = static_cast<const char*>(small->data());
  CHECK(data > start && data < start + sizeof(Storage));
  auto large = Storage::allocate(Storage::kInline + 1);
  CHECK_EQ(reinterpret_cast<uintptr_t>(large->data()) % 64, 0u);
}

TEST(resize_keeps_the_first_bytes) {
  auto storage = Storage::allocate(8);
  static_cast<char*>(storage->mut_data())[7] = 42;
  storage->resize(4096);
  CHECK_EQ(static_cast<const char*>(storage->data())[7], 42);
  CHECK_EQ(storage->bytes(), 4096u);
}

TEST(adopted_memory_is_released_by_its_owner) {
  static int released = 0;
  float values[2] = {1, 2};
  {
    auto storage = Storage::adopt(
        values, sizeof values, &released, [](void* p) { ++*static_cast<int*>(p); }, true);
    CHECK_EQ(storage->data(), static_cast<const void*>(values));
    CHECK(!storage->resizable());
  }
  CHECK_EQ(released, 1);
}

TEST(version_is_shared_by_those_who_share_it) {
  test::FakeHost::install();
  TensorRef a = TensorImpl::empty(DType::kFloat32, Dims::of({2}));
  TensorRef alias = TensorImpl::alias(a->storage(), a->dtype(), a->shape(), a->strides(), 0);
  alias->share_version(*a);
  CHECK_EQ(a->version(), 0u);
  a->bump_version();
  CHECK_EQ(alias->version(), 1u);
  TensorRef data = TensorImpl::alias(a->storage(), a->dtype(), a->shape(), a->strides(), 0);
  CHECK_EQ(data->version(), 0u);
}

TEST(geometry_of_more_than_four_dimensions_moves_to_the_heap) {
  Dims sizes = Dims::of({2, 1, 3, 1, 2, 2});
  TensorRef t = TensorImpl::empty(DType::kInt64, sizes);
  CHECK(t->shape() == sizes);
  CHECK_EQ(t->strides()[0], 12);
  CHECK(t->is_contiguous());
  const int64_t strides[] = {1, 2};
  t->set_geometry(Dims::of({2, 3}), strides, 0);
  CHECK(!t->is_contiguous());
  CHECK_EQ(t->numel(), 6);
}

// The first loop left the call without its holder, so that later ones kept the others waiting.
TEST(every_long_loop_of_a_call_runs_unlocked) {
  const Host before = host();
  Host threaded = before;
  threaded.has_threads = [] { return true; };
  threaded.release_gil = []() -> void* { return &host_table; };
  threaded.take_gil = [](void*) {};
  set_host(threaded);
  static int held;
  held = 0;
  {
    Holder call(+[](Holder&) { ++held; });
    for (int loop = 1; loop <= 2; ++loop) {
      CHECK(Unlocked::is_worth(1e9));
      Unlocked unlocked(1e9);
      CHECK_EQ(held, loop);
      CHECK(!Unlocked::is_worth(1e9));
    }
  }
  CHECK(!Unlocked::is_worth(1e9));
  set_host(before);
}

}  // namespace

}  // namespace rl

TEST_MAIN
