#include "job.h"

namespace diffwave {

Job::~Job() {
  for (napi_ref kept : kept_) napi_delete_reference(env_, kept);
  if (handle_ != nullptr) napi_delete_async_work(env_, handle_);
}

void Job::work(napi_env, void* data) {
  Job& job = *static_cast<Job*>(data);
  job.result_ = resultCancelled;
  if (!job.running_->add(job)) return;
  job.result_ = resultOf([&] { return job.execute(); });
  job.running_->remove(job);
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
  job->running_ = RunningJobs::of(js.env);
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
