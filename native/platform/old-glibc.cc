// Lets a binary that was linked against a new glibc run on one as old as 2.28. Old versions, or a few lines of code,
// replace the newer versions of a few functions, and functions that the static libstdc++ and libgcc of a new compiler
// call. The linker redirects every call to here (--wrap, src/engines/native/build.ts).
#if defined(__linux__) && __has_include(<gnu/libc-version.h>)
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sys/random.h>

#include <cstdint>

#if defined(__x86_64__)
#define OLDEST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define OLDEST "GLIBC_2.17"
#endif

#ifdef OLDEST
#define OLD(name) __asm__(".symver old_" #name "," #name "@" OLDEST)

extern "C" {

int old_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int old_pthread_join(pthread_t, void**);
int old_pthread_once(pthread_once_t*, void (*)());
int old___pthread_key_create(pthread_key_t*, void (*)(void*));
double old_exp(double);
double old_pow(double, double);
double old_log(double);
OLD(pthread_create);
OLD(pthread_join);
OLD(pthread_once);
OLD(__pthread_key_create);
OLD(exp);
OLD(pow);
OLD(log);

int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*), void* argument) {
  return old_pthread_create(thread, attributes, start, argument);
}
int __wrap_pthread_join(pthread_t thread, void** result) { return old_pthread_join(thread, result); }
int __wrap_pthread_once(pthread_once_t* once, void (*function)()) { return old_pthread_once(once, function); }
int __wrap___pthread_key_create(pthread_key_t* key, void (*destructor)(void*)) {
  return old___pthread_key_create(key, destructor);
}
double __wrap_exp(double x) { return old_exp(x); }
double __wrap_pow(double x, double y) { return old_pow(x, y); }
double __wrap_log(double x) { return old_log(x); }

/** Whether locks may be left out: never. */
char __wrap___libc_single_threaded = 0;

uint32_t __wrap_arc4random() {
  uint32_t value = 0;
  return getentropy(&value, sizeof value) == 0 ? value : 4;
}

#if __GLIBC_PREREQ(2, 35)
namespace {
struct Search {
  uintptr_t pc;
  dl_find_object* found;
};

/** Fills in the result if this object contains the address and has unwind tables. @returns 1 to stop the search */
int matchObject(dl_phdr_info* info, size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  uintptr_t low = UINTPTR_MAX, high = 0;
  void* tables = nullptr;
  bool inside = false;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const auto& header = info->dlpi_phdr[i];
    const uintptr_t from = info->dlpi_addr + header.p_vaddr, to = from + header.p_memsz;
    if (header.p_type == PT_GNU_EH_FRAME) tables = reinterpret_cast<void*>(from);
    if (header.p_type != PT_LOAD) continue;
    if (from < low) low = from;
    if (to > high) high = to;
    if (search.pc >= from && search.pc < to) inside = true;
  }
  if (!inside || tables == nullptr) return 0;
  *search.found = {};
  search.found->dlfo_map_start = reinterpret_cast<void*>(low);
  search.found->dlfo_map_end = reinterpret_cast<void*>(high);
  search.found->dlfo_eh_frame = tables;
  return 1;
}
}  // namespace

/** Called by the unwinder when an exception is thrown. */
int __wrap__dl_find_object(void* pc, dl_find_object* found) {
  Search search{reinterpret_cast<uintptr_t>(pc), found};
  return dl_iterate_phdr(matchObject, &search) == 1 ? 0 : -1;
}
#endif

}  // extern "C"
#endif
#endif
