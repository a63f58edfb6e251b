/** The whole page. */
import { useEffect } from 'preact/hooks'
import { ProblemNote } from '../components/problem-note.js'
import { GenerateView } from '../views/generate/generate-view.js'
import { ProcessView } from '../views/process/process-view.js'
import { Header } from './header.js'
import { viewLedes, viewTitles } from './routes.js'
import type { Studio } from './studio.js'
import type { Token } from './token.js'
import { TokenForm } from './token-form.js'

function View({ studio }: { studio: Studio }) {
  const [models, view] = [studio.models.value, studio.route.view.value]
  if (models === null) return null
  const sample = () => {
    void studio.sample().then(file => {
      studio.process.recording.value = file
    })
  }
  switch (view) {
    case 'process':
      return <ProcessView model={studio.process} models={models} sample={sample} />
    case 'generate':
      return <GenerateView model={studio.generate} models={models} />
    default:
      return <p class="empty large">This view is not built yet.</p>
  }
}

export function App({ studio, token }: { studio: Studio; token: Token }) {
  const view = studio.route.view.value
  const problem = studio.loading.problem.value
  useEffect(() => {
    void studio.load()
  }, [studio])
  useEffect(() => {
    document.title = `${viewTitles[view]} – diffwave studio`
  }, [view])
  return (
    <>
      <Header route={studio.route} />
      <main id="main" tabIndex={-1}>
        <div class="title-row">
          <h1>{viewTitles[view]}</h1>
          <p class="lede">{viewLedes[view]}</p>
        </div>
        {problem?.code === 'UNAUTHORIZED' ? (
          <TokenForm token={token} onDone={() => void studio.load()} />
        ) : (
          <ProblemNote problem={problem} />
        )}
        {studio.loading.running.value && studio.models.value === null && <p class="empty">Looking for models …</p>}
        <View studio={studio} />
      </main>
    </>
  )
}
