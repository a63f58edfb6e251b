/** The whole page. */
import { useEffect, useState } from 'preact/hooks'
import type { SourceFile } from '../backend/studio-backend.js'
import { ProblemNote } from '../components/problem-note.js'
import { GenerateView } from '../views/generate/generate-view.js'
import { ProcessView } from '../views/process/process-view.js'
import { RepairView } from '../views/repair/repair-view.js'
import { TrainingView } from '../views/training/training-view.js'
import { VocodeView } from '../views/vocode/vocode-view.js'
import { Header } from './header.js'
import { viewLedes, viewTitles } from './routes.js'
import type { Studio } from './studio.js'
import type { Token } from './token.js'
import { TokenForm } from './token-form.js'

function View({ studio }: { studio: Studio }) {
  const [models, view] = [studio.models.value, studio.route.view.value]
  if (models === null) return null
  const withSample = (use: (file: SourceFile) => void) => () => {
    void studio.takeSample(use)
  }
  switch (view) {
    case 'process': {
      const sample = withSample(file => {
        studio.process.recording.value = file
      })
      return <ProcessView model={studio.process} models={models} sample={sample} />
    }
    case 'vocode': {
      const onSample = withSample(file => studio.vocode.add([file]))
      return <VocodeView model={studio.vocode} models={models} onSample={onSample} />
    }
    case 'generate':
      return <GenerateView model={studio.generate} models={models} />
    case 'repair': {
      const { inpaint, denoise } = studio
      const onSample = withSample(file => void inpaint.open(file))
      return <RepairView inpaint={inpaint} denoise={denoise} models={models} onSample={onSample} />
    }
    case 'training':
      return <TrainingView model={studio.training} />
  }
}

/** Why there are no models; or a form for the token, which stays while one is tried. */
function LoadingProblem({ studio, token }: { studio: Studio; token: Token }) {
  const [asks, setAsks] = useState(false)
  const { problem, running } = studio.loading
  const asksNow = problem.value?.code === 'UNAUTHORIZED' || (asks && running.value)
  useEffect(() => setAsks(asksNow), [asksNow])
  if (asksNow) return <TokenForm token={token} problem={problem.value} onDone={() => void studio.load()} />
  return <ProblemNote problem={problem.value} onRetry={() => studio.loading.retry()} />
}

export function App({ studio, token }: { studio: Studio; token: Token }) {
  const view = studio.route.view.value
  useEffect(() => {
    void studio.load()
  }, [studio])
  useEffect(() => {
    // What plays could not be stopped from another view.
    studio.stage.silence()
    document.title = `${viewTitles[view]} – diffwave studio`
  }, [view, studio])
  return (
    <>
      <Header route={studio.route} />
      <main id="main" tabIndex={-1}>
        <div class="title-row">
          <h1>{viewTitles[view]}</h1>
          <p class="lede">{viewLedes[view]}</p>
        </div>
        <LoadingProblem studio={studio} token={token} />
        {studio.modelProblems.value.map(problem => (
          <ProblemNote key={problem.title + problem.got} problem={problem} onRetry={() => void studio.load()} />
        ))}
        {studio.loading.running.value && studio.models.value === null && <p class="empty">Looking for models …</p>}
        <View studio={studio} />
      </main>
    </>
  )
}
