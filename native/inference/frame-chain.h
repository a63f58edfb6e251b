// A chain of passes over the spectra of one clip's overlapping frames, computed piece by piece. Each pass ("stage")
// lags a frame's length less a hop behind the one before. Phase refinement and the correction towards a mel are such
// chains. src/audio/mel/phase-refinement.ts and correction.ts are the readable versions. The bytes are the same,
// whatever the pieces and the number of threads.
#pragma once

#include <atomic>
#include <vector>

#include "../kernels/frame-tasks.h"
#include "../matrix.h"
#include "../pool.h"

namespace diffwave {

/** What each stage does with the spectra of its frames. */
enum class FrameOperation {
  /** An iteration of fast Griffin-Lim. A stage passes all it makes to the next, in double precision, past the clip's
   * ends, too. */
  refine,
  /** A pass of the correction. A stage passes floats to the next, with zeros beyond the clip's ends. */
  correct
};

/** Settings of a chain. */
struct FrameChainSettings {
  FrameOperation operation;
  int size, hop, bands;
  int stages;
  int updates;            // correction: updates of the gains per pass
  int64_t padding;        // samples by which the first frame starts before the clip: at most size/2
  double unit, momentum;  // refinement (see FrameTables)
  double relaxation;      // how far bins are moved (see FrameTables)
  bool squared;
  std::vector<double> window;      // [size]
  std::vector<double> roots;       // e^(−2πik/size) [2 × size]
  std::vector<double> columnSums;  // [size/2 + 1]
  std::vector<double> weights;     // those of all filters, one filter after the other
  std::vector<MelFilter> filters;  // [bands], without pointers to their weights until `tables` is called

  /** Makes the tables that kernels read. They are valid as long as the settings stay where they are. */
  FrameTables tables();
};

class FrameChain {
 public:
  /** Throws std::bad_alloc. */
  FrameChain(FrameChainSettings settings, const FrameKernels& kernels, Pool& pool);

  /**
   * Number of mel frames that the next `push` takes. For the last `push` it is the largest number: a corrected clip may
   * end with its mel's last frame, which then takes part although its middle is the clip's end.
   */
  int64_t framesTaken(int64_t samples, bool last) const;
  /** Smallest number of mel frames that the next `push` takes. */
  int64_t minFramesTaken(int64_t samples, bool last) const;
  /** Number of samples that were fed and have not come out yet. */
  int64_t pending() const { return fed_ - written_; }

  /**
   * Appends samples.
   *
   * @param last whether no more follow
   * @param targets energies of the next frames' bands [frames × bands]
   * @param frames minFramesTaken to framesTaken
   * @param out room for pending() + count samples
   * @returns the number of samples written, or −1 if it was cancelled. Then the chain must not be used again.
   */
  int64_t push(const float* samples, int64_t count, bool last, const double* targets, int64_t frames, float* out,
               const std::atomic<bool>& cancelled);

 private:
  /** What a stage keeps from one sweep to the next. */
  struct Stage {
    int64_t frame = 0;           // the next frame to process; as many blocks are final
    int64_t waiting = 0;         // blocks that have arrived, from that frame's first on: too few for the frame
    std::vector<double> blocks;  // the waiting blocks [hop × waiting]
    std::vector<double> carry;   // sums of the processed frames over the next blocks [hop × (overlap − 1)]
    int64_t held = 0;            // refinement: frames of the stage before that this one has not processed
    std::vector<float> spectra;  // their spectra [2 × bins × held]
  };

  /** What a stage passes to the next one within a sweep. */
  struct Output {
    int64_t first, blocks;   // number of the first block, and how many blocks there are
    int64_t frames;          // number of frames processed
    const Stage* stage;      // null: the blocks are the clip's own, in `audio_`
    const Matrix* sums;      // frames of the stage, whose sums are the blocks
    const double* divisors;  // divisors of the blocks
    int64_t divisorStride;
  };

  Output sweep(int64_t blocks, int64_t lastFrame);
  Output runStage(size_t number, const Output& from, int64_t lastFrame);
  void runFrames(size_t number, const Output& from, int64_t frames);
  void takeBlocks(const Stage& stage, const Output& from, int64_t begin, int64_t end, const Matrix& to) const;
  void keepBlocks(Stage& stage, const Output& from, int64_t begin, int64_t end);
  void keepCarry(Stage& stage, const Matrix& sums, int64_t begin);
  void placeSpectra(const Stage& stage, float* to) const;
  void keepSpectra(Stage& stage, const float* from, int64_t begin, int64_t end);
  void setDivisors(Output& output, int64_t lastFrame);
  void squaredWindows(int64_t block, int64_t lastFrame, double* sums, int64_t stride) const;
  void takeTargets(const double* targets, int64_t frames);
  int64_t writeOutput(const Output& output, float* out);
  void keepWithinClip(int64_t firstBlock, int64_t blocks, double* to, int64_t stride) const;
  bool refines() const { return settings_.operation == FrameOperation::refine; }

  FrameChainSettings settings_;
  const FrameKernels& kernels_;
  Pool& pool_;
  FrameTables tables_;
  int64_t span_;      // overlap − 1
  int64_t capacity_;  // largest number of blocks of a sweep
  int64_t margin_;    // columns of zeros before the first frame
  int64_t columns_;   // number of columns of all matrices
  std::vector<Stage> stages_;
  Matrix audio_;                 // blocks of the clip [hop × blocks]
  Matrix frames_[2];             // of one stage and of the one before, in turn [size × (margin + frames)]
  int64_t framesUsed_[2] = {};   // number of columns that are not zeros
  Buffer spectra_[2];            // refinement: spectra that a stage continues from, in turn [2 × bins × frames]
  Matrix steadyDivisors_;        // [1 × hop]
  Matrix divisors_;              // divisors near the clip's ends [hop × blocks]
  std::vector<Matrix> ranges_;   // per worker: blocks under the frames of its task [hop × blocks]
  std::vector<Matrix> scratch_;  // per worker
  std::vector<double> targets_;  // [bands × frames]
  int64_t targetStride_;
  int64_t firstTarget_ = 0, targetCount_ = 0;   // frames in `targets_`
  int64_t fed_ = 0, written_ = 0, blocks_ = 0;  // samples in, samples out, and blocks that the first stage has received
  std::vector<float> partialBlock_;             // first samples of the next block [hop]
  int64_t partialSamples_;                      // number of those samples
};

}  // namespace diffwave
