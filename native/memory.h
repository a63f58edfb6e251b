// Aligned memory for floats, which its owner's destructor frees. Allocation does not throw: check `ok()`.
#pragma once

#ifdef _WIN32
#include <malloc.h>
#else
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace diffwave {

/** Returns `size` for a std::vector of floats. Throws std::bad_alloc if it is beyond the address space. */
inline size_t vectorSize(int64_t size) {
  if (size < 0 || uint64_t(size) > PTRDIFF_MAX / sizeof(float)) throw std::bad_alloc();
  return size_t(size);
}

class Buffer {
 public:
  Buffer() = default;
  /** Allocates `size` floats, aligned to 64 bytes and uninitialised. A page takes memory when it is touched. */
  explicit Buffer(int64_t size) : size_(size) {
    if (size < 0 || size > int64_t(PTRDIFF_MAX / sizeof(float))) return;
    const size_t bytes = std::max(alignment, size_t(size) * sizeof(float));
    const bool large = bytes >= 2 * hugePage;  // a smaller one would waste most of its last huge page
    void* memory = nullptr;
#ifdef _WIN32
    memory = _aligned_malloc(bytes, alignment);
#else
    if (posix_memalign(&memory, large ? hugePage : alignment, bytes) != 0) return;
#endif
#ifdef MADV_HUGEPAGE
    if (large) madvise(memory, bytes, MADV_HUGEPAGE);  // fewer page faults, and rows far apart do not thrash the TLB
#endif
    data_ = static_cast<float*>(memory);
  }
  ~Buffer() {
#ifdef _WIN32
    _aligned_free(data_);
#else
    free(data_);
#endif
  }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  bool ok() const { return data_ != nullptr; }
  float* data() const { return data_; }
  int64_t size() const { return size_; }

 private:
  /** A cache line, and the widest vector. */
  static constexpr size_t alignment = 64;
  static constexpr size_t hugePage = size_t(1) << 21;

  void swap(Buffer& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  float* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace diffwave
