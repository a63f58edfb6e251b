// What a handle in JavaScript stands for. JavaScript can pass any external value in the place of a handle: one of
// another kind, or one of another addon. Both are refused.
#pragma once

namespace diffwave {

/** Base of everything that a handle points to. */
class Handle {
 public:
  enum class Kind { engine, stream, frameChain, envelope, windowFilter, spectralFrames };

  explicit Handle(Kind kind);
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  /** Returns the handle at an address, or null if no handle of this kind lies there. The address need not be valid. */
  static Handle* find(const void* address, Kind kind);

 protected:
  ~Handle();  // handles are deleted as what they are

 private:
  const Kind kind_;
};

}  // namespace diffwave
