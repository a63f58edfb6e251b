// The heap of the WebAssembly build. It takes the first block that fits from a list of free blocks, joins freed blocks
// with their neighbours, and calls memory.grow when none fits. The allocator of the C library is not used because it
// has no lock, and rounds large sizes up to powers of two. Blocks are few and large here, so a list is fast enough.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "../../memory-growth.h"

extern "C" unsigned char __heap_base;

namespace {

/** Header of a block. Blocks lie one after the other from `__heap_base` to the end of the memory. */
struct alignas(16) Block {
  uint32_t size;      // bytes of this header and its block, a multiple of 16. Bit 0 is set if the block is in use
  uint32_t previous;  // size of the block before, 0 for the first
  Block* nextFree;    // next block of the free list, if this block is free
  Block* previousFree;

  uint32_t bytes() const { return size & ~1u; }
  bool used() const { return size & 1; }
  Block* next() { return reinterpret_cast<Block*>(reinterpret_cast<char*>(this) + bytes()); }
  Block* before() { return reinterpret_cast<Block*>(reinterpret_cast<char*>(this) - previous); }
};

constexpr uint32_t pageSize = 65536, headerSize = sizeof(Block);
static_assert(headerSize == 16, "a header keeps what follows aligned to 16 bytes");

Block* freeList;
Block* lastBlock;  // null: the heap has not been set up
std::atomic<uintptr_t> heapEnd;
uint32_t heapLock;

/** Held during every operation. Threads hold it for some hundred instructions, so they spin. */
struct Guard {
  Guard() {
    while (__atomic_exchange_n(&heapLock, 1, __ATOMIC_ACQUIRE) != 0) {
    }
    diffwaveSeeGrowth();
  }
  ~Guard() { __atomic_store_n(&heapLock, 0, __ATOMIC_RELEASE); }
};

void link(Block* block) {
  block->previousFree = nullptr;
  block->nextFree = freeList;
  if (freeList != nullptr) freeList->previousFree = block;
  freeList = block;
}

void unlink(Block* block) {
  if (block->previousFree != nullptr) block->previousFree->nextFree = block->nextFree;
  else freeList = block->nextFree;
  if (block->nextFree != nullptr) block->nextFree->previousFree = block->previousFree;
}

void setSize(Block* block, uint32_t bytes) {
  block->size = bytes;
  if (block == lastBlock) return;
  block->next()->previous = bytes;
}

/** Frees the part of a block behind its first `bytes`. The block is in no list. */
void trim(Block* block, uint32_t bytes) {
  const uint32_t left = block->bytes() - bytes;
  if (left < 2 * headerSize) return;
  const bool last = block == lastBlock;
  block->size = bytes;
  Block* rest = block->next();
  rest->previous = bytes;
  if (last) lastBlock = rest;
  setSize(rest, left);
  if (!last && !rest->next()->used()) {
    Block* after = rest->next();
    unlink(after);
    if (after == lastBlock) lastBlock = rest;
    setSize(rest, left + after->bytes());
  }
  link(rest);
}

/** Makes the free space at the end of the heap at least `bytes` long. */
bool grow(uint32_t bytes) {
  if (lastBlock == nullptr) {
    const uintptr_t start = (reinterpret_cast<uintptr_t>(&__heap_base) + 15) & ~uintptr_t(15);
    uintptr_t end = uintptr_t(__builtin_wasm_memory_size(0)) * pageSize;
    if (end < start + 2 * headerSize) {
      if (__builtin_wasm_memory_grow(0, 1) == SIZE_MAX) return false;
      end += pageSize;
    }
    heapEnd.store(end, std::memory_order_relaxed);
    lastBlock = reinterpret_cast<Block*>(start);
    lastBlock->previous = 0;
    lastBlock->size = end - start;
    link(lastBlock);
  }
  const uint32_t present = lastBlock->used() ? 0 : lastBlock->bytes();
  if (present >= bytes) return true;
  const uint64_t pages = (uint64_t(bytes) - present + pageSize - 1) / pageSize;
  const uintptr_t end = heapEnd.load(std::memory_order_relaxed);
  // The last page stays unused: the heap's end must be an address.
  if (uint64_t(end) / pageSize + pages > 65535) return false;
  if (__builtin_wasm_memory_grow(0, size_t(pages)) == SIZE_MAX) return false;
  const uint32_t added = uint32_t(pages) * pageSize;
  if (lastBlock->used()) {
    Block* fresh = lastBlock->next();
    fresh->previous = lastBlock->bytes();
    fresh->size = added;
    lastBlock = fresh;
    link(fresh);
  } else {
    lastBlock->size += added;
  }
  heapEnd.store(end + added, std::memory_order_relaxed);
  return true;
}

/** First fit; null if there is none. */
Block* find(uint32_t bytes) {
  for (Block* block = freeList; block != nullptr; block = block->nextFree) {
    if (block->bytes() >= bytes) return block;
  }
  return nullptr;
}

void* allocate(size_t size, size_t alignment) {
  if (alignment < 16) alignment = 16;
  if (size > 0xffff0000u - headerSize - 2 * alignment) return nullptr;
  const uint32_t bytes = uint32_t((size + headerSize + 15) & ~size_t(15));
  const uint32_t room = alignment == 16 ? bytes : bytes + uint32_t(alignment) + 2 * headerSize;
  const Guard guard;
  Block* block = find(room);
  if (block == nullptr) {
    if (!grow(room)) return nullptr;
    block = find(room);
  }
  unlink(block);
  if (alignment > 16) {
    const uintptr_t start = reinterpret_cast<uintptr_t>(block) + headerSize;
    uintptr_t aligned = (start + alignment - 1) & ~(alignment - 1);
    if (aligned != start) {
      if (aligned - start < 2 * headerSize) aligned += alignment;
      const uint32_t before = uint32_t(aligned - start), whole = block->bytes();
      const bool last = block == lastBlock;
      Block* moved = reinterpret_cast<Block*>(aligned - headerSize);
      block->size = before;
      moved->previous = before;
      if (last) lastBlock = moved;
      setSize(moved, whole - before);
      link(block);
      block = moved;
    }
  }
  trim(block, bytes);
  block->size |= 1;
  return reinterpret_cast<char*>(block) + headerSize;
}

void release(void* memory) {
  const Guard guard;
  Block* block = reinterpret_cast<Block*>(static_cast<char*>(memory) - headerSize);
  block->size &= ~1u;
  if (block != lastBlock && !block->next()->used()) {
    Block* after = block->next();
    unlink(after);
    if (after == lastBlock) lastBlock = block;
    setSize(block, block->bytes() + after->bytes());
  }
  if (block->previous != 0 && !block->before()->used()) {
    Block* before = block->before();
    unlink(before);
    if (block == lastBlock) lastBlock = before;
    setSize(before, before->bytes() + block->bytes());
    block = before;
  }
  link(block);
}

}  // namespace

extern "C" {

void diffwaveSeeGrowth() {
  const uintptr_t seen = uintptr_t(__builtin_wasm_memory_size(0)) * pageSize;
  if (seen < heapEnd.load(std::memory_order_relaxed)) __builtin_wasm_memory_grow(0, 0);
}

void* malloc(size_t size) { return allocate(size, 16); }
void free(void* memory) {
  if (memory != nullptr) release(memory);
}
void* calloc(size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size) return nullptr;
  void* memory = malloc(count * size);
  if (memory != nullptr) memset(memory, 0, count * size);
  return memory;
}
void* realloc(void* memory, size_t size) {
  void* fresh = malloc(size);
  if (memory == nullptr || fresh == nullptr) return fresh;
  const Block* block = reinterpret_cast<const Block*>(static_cast<char*>(memory) - headerSize);
  const size_t before = block->bytes() - headerSize;
  memcpy(fresh, memory, before < size ? before : size);
  free(memory);
  return fresh;
}
void* aligned_alloc(size_t alignment, size_t size) { return allocate(size, alignment); }
int posix_memalign(void** memory, size_t alignment, size_t size) {
  void* fresh = allocate(size, alignment);
  if (fresh == nullptr) return ENOMEM;
  *memory = fresh;
  return 0;
}

}  // extern "C"

void* operator new(size_t size) {
  void* memory = malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](size_t size) { return operator new(size); }
void* operator new(size_t size, std::align_val_t alignment) {
  void* memory = aligned_alloc(size_t(alignment), size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { free(memory); }
void operator delete[](void* memory) noexcept { free(memory); }
void operator delete(void* memory, size_t) noexcept { free(memory); }
void operator delete[](void* memory, size_t) noexcept { free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { free(memory); }
