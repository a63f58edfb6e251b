#include "job.h"

#include <algorithm>

namespace diffwave {

#ifndef __wasm__
void RunningJobs::watch(napi_env env) {
  // Never freed: a job that was queued may ask for it after the thread has ended.
  auto* const running = new RunningJobs;
  napi_set_instance_data(env, running, nullptr, nullptr);
  napi_add_env_cleanup_hook(
      env, [](void* data) { static_cast<RunningJobs*>(data)->end(); }, running);
}

RunningJobs& RunningJobs::of(const Js& js) {
  void* data = nullptr;
  js.check(napi_get_instance_data(js.env, &data));
  return *static_cast<RunningJobs*>(data);
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
  for (const Job* job : jobs_) {
    if (job->cancelled != nullptr) const_cast<std::atomic<bool>*>(job->cancelled)->store(true);
  }
  while (!jobs_.empty()) changed_.wait(lock);
}
#endif

Job::~Job() {
  for (napi_ref kept : kept_) napi_delete_reference(env_, kept);
  if (handle_ != nullptr) napi_delete_async_work(env_, handle_);
}

void Job::work(napi_env, void* data) {
  Job& job = *static_cast<Job*>(data);
#ifndef __wasm__
  job.result_ = resultCancelled;
  if (!job.running_->add(job)) return;
#endif
  job.result_ = resultOf([&] { return job.execute(); });
#ifndef __wasm__
  job.running_->remove(job);
#endif
}

void Job::finish(napi_env env, napi_status status, void* data) {
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  job->engine->busy = false;
  napi_value result = nullptr;
  napi_create_double(env, status == napi_ok ? job->result_ : resultCancelled, &result);
  napi_resolve_deferred(env, job->promise_, result);
}

napi_value Job::start(const Js& js, std::unique_ptr<Job> job) {
  js.checkUsed();
  job->env_ = js.env;
#ifndef __wasm__
  job->running_ = &RunningJobs::of(js);
#endif
  job->kept_.reserve(js.used.size());
  for (const Js::Used& used : js.used) {
    napi_ref reference;
    js.check(napi_create_reference(js.env, used.value, 1, &reference));
    job->kept_.push_back(reference);
  }
  napi_value promise, name;
  js.check(napi_create_string_utf8(js.env, "diffwave", NAPI_AUTO_LENGTH, &name));
  js.check(napi_create_async_work(js.env, nullptr, name, work, finish, job.get(), &job->handle_));
  js.check(napi_create_promise(js.env, &job->promise_, &promise));
  js.check(napi_queue_async_work(js.env, job->handle_));
  job->engine->busy = true;
  job.release();
  return promise;
}

}  // namespace diffwave
