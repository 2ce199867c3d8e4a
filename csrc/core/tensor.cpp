#include "core/tensor.h"

#include <new>

#include "core/error.h"

namespace rl {

void Version::release() {
  if (--refs == 0) {
    this->~Version();
    small_free(this, sizeof(Version));
  }
}

TensorRef TensorImpl::empty(DType dtype, const int64_t* sizes, int n) {
  size_t bytes = static_cast<size_t>(checked_numel(sizes, n));
  bool overflow = __builtin_mul_overflow(bytes, item_size(dtype), &bytes);
  check(!overflow && bytes <= size_t{1} << 62, ErrorKind::kRuntime,
        "Storage size calculation overflowed with sizes=", shown(sizes, n));
  Ref<Storage> storage = Storage::allocate(bytes);
  auto* impl = new (small_alloc(sizeof(TensorImpl))) TensorImpl(dtype, n);
  impl->storage_ = std::move(storage);
  if (n <= kInlineDims) [[likely]] {
    int64_t step = 1;
    for (int i = n; i-- > 0;) {
      impl->dims_.inline_v[i] = sizes[i];
      impl->dims_.inline_v[kInlineDims + i] = step;
      step *= sizes[i] > 1 ? sizes[i] : 1;
    }
  } else {
    int64_t strides[kMaxDims];
    contiguous_strides(sizes, n, strides);
    impl->store_dims(sizes, strides, n);
  }
  return TensorRef::steal(impl);
}

TensorRef TensorImpl::alias(const Ref<Storage>& storage, DType dtype, const Dims& sizes,
                            const int64_t* strides, int64_t offset) {
  auto* impl = new (small_alloc(sizeof(TensorImpl))) TensorImpl(dtype, sizes.n);
  impl->storage_ = storage;
  impl->ndim_ = 0;
  impl->set_geometry(sizes, strides, offset);
  return TensorRef::steal(impl);
}

void TensorImpl::store_dims(const int64_t* sizes, const int64_t* strides, int n) {
  ndim_ = static_cast<uint8_t>(n);
  int64_t* to_sizes = dims_.inline_v;
  int64_t* to_strides = dims_.inline_v + kInlineDims;
  if (n > kInlineDims) {
    dims_.heap = static_cast<int64_t*>(small_alloc(sizeof(int64_t) * 2 * static_cast<size_t>(n)));
    to_sizes = dims_.heap;
    to_strides = dims_.heap + n;
  }
  for (int i = 0; i < n; ++i) {
    to_sizes[i] = sizes[i];
    to_strides[i] = strides[i];
  }
}

void TensorImpl::free_dims() {
  if (ndim_ > kInlineDims) small_free(dims_.heap, sizeof(int64_t) * 2 * ndim_);
}

void TensorImpl::set_geometry(const Dims& sizes, const int64_t* strides, int64_t offset) {
  free_dims();
  store_dims(sizes.v, strides, sizes.n);
  offset_ = offset;
  contiguous_ = true;
  int64_t step = 1;
  for (int i = sizes.n; i-- > 0;) {
    if (sizes[i] == 0) {
      contiguous_ = true;
      break;
    }
    if (sizes[i] != 1) {
      if (strides[i] != step) contiguous_ = false;
      step *= sizes[i];
    }
  }
}

void TensorImpl::set_grad_fn(Node* node, uint32_t output_nr) {
  // The result of an operation.
  if (leaf_ && !retains_grad_ && !saved_ && !node_ && node && !(key_ & kCut)) [[likely]] {
    node_retain(node);
    node_ = node;
    leaf_ = false;
    output_nr_ = output_nr;
    key_ |= kRequiresGrad;
    return;
  }
  // A leaf's accumulator is not counted and looks after itself; a grad_fn is ours to release.
  Node* old = leaf_ ? nullptr : node_;
  if (old && saved_by_grad_fn_) {
    node_detach_output(old, this);
    saved_by_grad_fn_ = false;
  }
  if (old && retains_grad_) node_set_retained(old, output_nr_, nullptr);
  if (node && retains_grad_) node_set_retained(node, output_nr, this);
  if (node) node_retain(node);
  if (key_ & kCut) [[unlikely]]
    clear_cut();
  const bool held = saved_ || (leaf_ && node_);
  node_ = node;
  leaf_ = node == nullptr;
  output_nr_ = output_nr;
  set_requires_grad(node != nullptr);
  if (held) [[unlikely]] {
    moved_ = node != nullptr;
    if (moved_) cycle_moved(this);
  }
  if (old) node_release(old);
}

Site TensorImpl::cut_site() const {
  if (!(key_ & kCutSite)) return extension_ ? extension_->cut : Site();
  host().incref(cut_code_);
  return Site::adopt(cut_code_, static_cast<int32_t>(output_nr_));
}

void TensorImpl::drop_cut_site() {
  Site last = Site::adopt(cut_code_, 0);
  key_ = static_cast<uint8_t>(key_ & ~kCutSite);
  node_ = nullptr;
  output_nr_ = 0;
}

// A leaf of its own graph from here on: why it is none of another's is kept aside.
void TensorImpl::begin_anew() {
  Site where = cut_site();
  clear_cut();
  if (where) make_extension().cut = std::move(where);
}

Version& TensorImpl::shared_version() {
  if (!version_) version_ = Ref<Version>::steal(new (small_alloc(sizeof(Version))) Version);
  return *version_;
}

void TensorImpl::bump_version() {
  if (is_inference()) return;
  Version& version = shared_version();
  ++version.value;
  version.writer = Site::capture();
}

Extension& TensorImpl::make_extension() {
  if (!extension_) extension_ = new (small_alloc(sizeof(Extension))) Extension;
  return *extension_;
}

void TensorImpl::set_base(TensorImpl* root) {
  root->retain();
  make_extension().base = root;
  key_ |= kView;
}

TensorImpl::~TensorImpl() {
  if (key_ & kCutSite) drop_cut_site();
  if (extension_) {
    if (extension_->base) extension_->base->release();
    if (extension_->chain) chain_free(extension_->chain);
    if (extension_->hooks) hooks_free(extension_->hooks);
    if (extension_->post_hooks) hooks_free(extension_->post_hooks);
    if (extension_->accumulator) node_release(extension_->accumulator);
    extension_->~Extension();
    small_free(extension_, sizeof(Extension));
  }
  free_dims();
}

void TensorImpl::destroy() {
  if (refs_ || waiting_ || owns_wrapper_) [[unlikely]] {
    if (refs_ && !cycle_released(this)) return;
    if (waiting_) cycle_forget(this);
    if (owns_wrapper_) {
      // Python may still reach the wrapper (a weak reference, __del__): let it die as a live
      // tensor.
      refs_ = 1;
      return host().release_wrapper(this);
    }
  }
  if (!leaf_) {
    Node* node = node_;
    if (retains_grad_) node_set_retained(node, output_nr_, nullptr);
    retains_grad_ = false;
    bool adopted = saved_by_grad_fn_ && node_adopt_output(node, this);
    node_ = nullptr;
    leaf_ = true;
    saved_by_grad_fn_ = false;
    if (adopted) {
      refs_ = 1;  // the node's
      set_requires_grad(false);
      grad_ = TensorRef();
      node_release(node);
      return;
    }
    node_release(node);
  }
  this->~TensorImpl();
  small_free(this, sizeof(TensorImpl));
}

}  // namespace rl
