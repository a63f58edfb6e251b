#include "running-jobs.h"

#include <algorithm>

#include "job.h"

namespace diffwave {

void RunningJobs::watch(napi_env env) {
  // Never freed: a job that was queued may ask for it after the thread has ended.
  auto* const running = new RunningJobs;
  napi_set_instance_data(env, running, nullptr, nullptr);
  napi_add_env_cleanup_hook(
      env, [](void* data) { static_cast<RunningJobs*>(data)->end(); }, running);
}

RunningJobs* RunningJobs::of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return static_cast<RunningJobs*>(data);
}

bool RunningJobs::add(const Job& job) {
  const Lock lock(mutex_);
  if (!ended_) jobs_.push_back(&job);
  return !ended_;
}

void RunningJobs::remove(const Job& job) {
  const Lock lock(mutex_);
  jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job));
  changed_.wakeAll();
}

void RunningJobs::end() {
  Lock lock(mutex_);
  ended_ = true;
  for (const Job* job : jobs_) job->stop();
  while (!jobs_.empty()) changed_.wait(lock);
}

}  // namespace diffwave
